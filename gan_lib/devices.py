"""Training on several GPUs, of one machine or of several."""

import tensorflow as tf


def all_gpus(kind="GPU"):
    """Returns a strategy that trains on all GPUs of this machine.

        with all_gpus().scope():
            gan = GAN(...)
            gan.compile(...)
            gan.fit(...)

    Where TensorFlow finds several, it is a `tf.distribute.MirroredStrategy`:
    each GPU holds the model and takes its share of each batch, and they add up
    their gradients. Else it is the default strategy, and training is the same
    as without one. Sharing out a small batch can cost more time than it
    saves.

    Args:
        kind: of devices, as `tf.config.list_logical_devices` has it.
    """
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    several = len(names) > 1
    mirrored = tf.distribute.MirroredStrategy
    return mirrored(names) if several else tf.distribute.get_strategy()


class SeveralMachines:
    """Lets a model `fit` under `tf.distribute.MultiWorkerMirroredStrategy`.

        class ManyGAN(SeveralMachines, GAN):
            pass

    Keras 3.15 takes the mean of all machines' logs along their first axis, and
    stops with "Invalid reduction dimension 0" at scalars. So the logs of each
    step get an axis. (https://github.com/tensorflow/tensorflow/issues/72388)
    """

    def train_step(self, data):
        logs = super().train_step(data)
        return {name: value[None] for name, value in logs.items()}

    def test_step(self, data):
        logs = super().test_step(data)
        return {name: value[None] for name, value in logs.items()}
