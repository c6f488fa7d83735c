"""Small networks and runs that the tests of GAN, WGAN and WGANGP share."""

from gan_lib.gan import GAN
from gan_lib.wgan import WGAN
from gan_lib.wgan_gp import WGANGP

import keras
import numpy as np
from keras import layers

MODELS = {"GAN": GAN, "WGAN": WGAN, "WGANGP": WGANGP}
STEPS = {
    "GAN": "discriminator_steps",
    "WGAN": "critic_steps",
    "WGANGP": "critic_steps",
}
IMAGES = (
    np.random.default_rng(0).uniform(-1, 1, (40, 8, 8, 1)).astype("float32")
)


def small_networks(seed=0):
    """A convolutional pair with batch normalisation and dropout: every kind of state that a run has to keep."""
    keras.utils.set_random_seed(seed)
    generator = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(4 * 4 * 2),
            layers.BatchNormalization(),
            layers.Reshape((4, 4, 2)),
            layers.Conv2DTranspose(
                1,
                4,
                strides=2,
                padding="same",
                activation="tanh",
                dtype="float32",
            ),
        ]
    )
    opponent = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 4, strides=2, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    return generator, opponent


def small_model(
    name, seed=1, networks_seed=0, steps=1, steps_per_execution=1, **options
):
    """A compiled model with `steps` of its discriminator or critic to one of the generator."""
    options[STEPS[name]] = steps
    model = MODELS[name](*small_networks(networks_seed), seed=seed, **options)
    optimizers = [keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3)]
    model.compile(*optimizers, steps_per_execution=steps_per_execution)
    return model


def linear_networks(weights, bias, point):
    """A discriminator or critic w.x + b, and a generator that makes the same point of every latent vector."""
    generator = keras.Sequential(
        [keras.Input((2,)), layers.Dense(2, kernel_initializer="zeros")]
    )
    opponent = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    generator.layers[0].bias.assign(point)
    opponent.layers[0].kernel.assign(np.reshape(weights, (2, 1)))
    opponent.layers[0].bias.assign([bias])
    return generator, opponent


def opponent(model):
    """The discriminator or the critic, and its optimizer."""
    if hasattr(model, "critic"):
        return model.critic, model.critic_optimizer
    return model.discriminator, model.discriminator_optimizer


def everything(model):
    """All numbers that a run is made of."""
    optimizers = (
        model.generator_optimizer.variables + opponent(model)[1].variables
    )
    return [variable.numpy() for variable in model.variables + optimizers]


def assert_same_run(a, b):
    for x, y in zip(everything(a), everything(b), strict=True):
        np.testing.assert_array_equal(x, y)
