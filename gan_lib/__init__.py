"""The library of the course: GANs as Keras models, and what its chapters
measure, draw and load.

- `gan`: GAN (Goodfellow et al. 2014)
- `wgan`: WGAN, with weight clipping (Arjovsky et al. 2017)
- `wgan_gp`: WGANGP, with gradient penalty (Gulrajani et al. 2017)
- `techniques`: minibatch discrimination and other training techniques (Salimans
  et al. 2016)
- `networks`: generators, discriminators and critics
- `data`: image sets, distributions in the plane, batches
- `metrics`: what the chapters measure
- `plots`: the figures of the chapters
- `callbacks`: a live figure while training
- `devices`: training on several GPUs
- `audit`: looks for known faults in anybody's GAN

Import it before TensorFlow and Keras: it starts them without their messages and
lets GPU memory grow as needed.
"""

import contextlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _start_tensorflow():
    """Imports TensorFlow and finds the GPUs with file descriptor 2 closed:
    native code writes there, past Python."""
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        import tensorflow

        tensorflow.get_logger().setLevel(
            "ERROR"
        )  # it warns of retracing where a chapter compiles several models
        for gpu in tensorflow.config.list_physical_devices("GPU"):
            with contextlib.suppress(
                RuntimeError
            ):  # already in use: its memory is set up as the user wanted it
                tensorflow.config.experimental.set_memory_growth(gpu, True)
    finally:
        os.dup2(stderr, 2)
        os.close(null)
        os.close(stderr)


_start_tensorflow()
