"""Two logical CPU devices, for the tests of distribution strategies, set before TensorFlow takes its first step."""

import gan_lib  # noqa: F401  (starts TensorFlow quietly)

import matplotlib
import pytest
import tensorflow as tf

matplotlib.use("Agg")
tf.config.set_visible_devices(
    [], "GPU"
)  # the tests compare bits: the same on every machine
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)


@pytest.fixture(scope="session")
def two_replicas():
    """One for all tests: TensorFlow numbers the collective operations of a second strategy like those of the first."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
