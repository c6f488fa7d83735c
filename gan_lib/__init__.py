"""The library of the course: GANs as Keras models, and what its chapters measure, draw and load.

- `gan`: GAN (Goodfellow et al. 2014)
- `networks`: generators and discriminators
- `data`: image sets
- `metrics`: Frechet distance, nearest neighbours, checkerboard energy
- `plots`: the figures of the chapters
- `callbacks`: a live figure while training, averaged generator weights

Importing it starts TensorFlow without its start-up messages and lets it take GPU memory as needed.
"""

import contextlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _import_tensorflow_quietly():
    """Imports TensorFlow with file descriptor 2 closed to it: its native code writes there, past Python."""
    stderr = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        import tensorflow
    finally:
        os.dup2(stderr, 2)
        os.close(null)
        os.close(stderr)
    tensorflow.get_logger().setLevel("ERROR")  # it warns of retracing where a chapter compiles several models
    return tensorflow


def _let_gpu_memory_grow(tensorflow):
    for gpu in tensorflow.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):  # already in use: its memory is set up as the user wanted it
            tensorflow.config.experimental.set_memory_growth(gpu, True)


_let_gpu_memory_grow(_import_tensorflow_quietly())
