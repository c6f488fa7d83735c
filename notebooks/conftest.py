"""For nbval: each kernel talks through files in a folder of its own.

With TCP ports, two kernels that start at once now and then take the same ones.
"""

import tempfile

import nbval.kernel
from jupyter_client import KernelManager


class FileKernelManager(KernelManager):
    def __init__(self, **options):
        self.folder = tempfile.TemporaryDirectory()
        super().__init__(
            transport="ipc", ip=f"{self.folder.name}/kernel", **options
        )


nbval.kernel.KernelManager = FileKernelManager
