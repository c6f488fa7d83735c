"""For nbval: kernels that talk through files. With TCP, two that start at once now and then take the same port."""

from jupyter_client import KernelManager

KernelManager.transport.default_value = "ipc"
