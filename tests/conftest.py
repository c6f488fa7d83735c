"""Two logical CPU devices, for the tests of distribution strategies, set before TensorFlow takes its first step."""

import os

import matplotlib
import tensorflow as tf

import gan_lib  # noqa: F401  (starts TensorFlow quietly)

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
matplotlib.use("Agg")
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
