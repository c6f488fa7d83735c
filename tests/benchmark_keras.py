"""The ways of Keras in the benchmark: gan_lib, a textbook step, and the widely taught loop. See benchmark.py."""

import gan_lib  # noqa: F401  (starts TensorFlow quietly)
from gan_lib import data, networks
from gan_lib.gan import GAN
from gan_lib.wgan_gp import WGANGP

import math
import sys

import keras
import numpy as np
import tensorflow as tf
from benchmark import serve

BATCH = {"dense": 256, "convolutional": 64}


def adam():
    return keras.optimizers.Adam(2e-4, beta_1=0.5)


class TextbookGAN(keras.Model):
    """The step as most tutorials write it: one batch of real and generated examples together."""

    def __init__(self, generator, discriminator):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.seed_generator = keras.random.SeedGenerator(0)
        self.discriminator_loss = keras.metrics.Mean(name="discriminator_loss")
        self.generator_loss = keras.metrics.Mean(name="generator_loss")

    def compile(self, generator_optimizer, discriminator_optimizer):
        super().compile()
        self.generator_optimizer, self.discriminator_optimizer = (
            generator_optimizer,
            discriminator_optimizer,
        )
        self.loss_function = keras.losses.BinaryCrossentropy(from_logits=True)

    def descend(self, tape, loss, optimizer, network):
        gradients = tape.gradient(loss, network.trainable_weights)
        optimizer.apply_gradients(
            zip(gradients, network.trainable_weights, strict=True)
        )

    def logs(self, discriminator_loss, generator_loss):
        self.discriminator_loss.update_state(discriminator_loss)
        self.generator_loss.update_state(generator_loss)
        return {
            "discriminator_loss": self.discriminator_loss.result(),
            "generator_loss": self.generator_loss.result(),
        }

    def train_step(self, real):
        n = tf.shape(real)[0]
        latent_shape = (n, self.generator.input_shape[-1])
        latent = keras.random.normal(latent_shape, seed=self.seed_generator)
        images = tf.concat([real, self.generator(latent)], axis=0)
        labels = tf.concat([tf.ones((n, 1)), tf.zeros((n, 1))], axis=0)
        with tf.GradientTape() as tape:
            logits = self.discriminator(images, training=True)
            discriminator_loss = self.loss_function(labels, logits)
        self.descend(
            tape,
            discriminator_loss,
            self.discriminator_optimizer,
            self.discriminator,
        )
        latent = keras.random.normal(latent_shape, seed=self.seed_generator)
        with tf.GradientTape() as tape:
            generated = self.generator(latent, training=True)
            logits = self.discriminator(generated, training=True)
            generator_loss = self.loss_function(tf.ones((n, 1)), logits)
        self.descend(
            tape, generator_loss, self.generator_optimizer, self.generator
        )
        return self.logs(discriminator_loss, generator_loss)


class TextbookWGANGP(TextbookGAN):
    """The step as most tutorials write it: one real batch for all critic steps."""

    critic_steps, gp_weight = 5, 10.0

    def gradient_penalty(self, real, generated):
        shape = tf.concat(
            [tf.shape(real)[:1], tf.ones(real.shape.rank - 1, tf.int32)], axis=0
        )
        interpolated = real + tf.random.uniform(shape) * (generated - real)
        with tf.GradientTape() as tape:
            tape.watch(interpolated)
            scores = self.discriminator(interpolated, training=True)
        gradients = tape.gradient(scores, interpolated)
        norms = tf.sqrt(
            tf.reduce_sum(
                tf.square(gradients), axis=range(1, gradients.shape.rank)
            )
        )
        return tf.reduce_mean((norms - 1.0) ** 2)

    def train_step(self, real):
        latent_shape = (tf.shape(real)[0], self.generator.input_shape[-1])
        for _ in range(self.critic_steps):
            latent = tf.random.normal(latent_shape)
            with tf.GradientTape() as tape:
                generated = self.generator(latent, training=True)
                on_generated = self.discriminator(generated, training=True)
                on_real = self.discriminator(real, training=True)
                loss = tf.reduce_mean(on_generated) - tf.reduce_mean(on_real)
                penalty = self.gradient_penalty(real, generated)
                loss += self.gp_weight * penalty
            self.descend(
                tape, loss, self.discriminator_optimizer, self.discriminator
            )
        latent = tf.random.normal(latent_shape)
        with tf.GradientTape() as tape:
            generated = self.generator(latent, training=True)
            on_generated = self.discriminator(generated, training=True)
            generator_loss = -tf.reduce_mean(on_generated)
        self.descend(
            tape, generator_loss, self.generator_optimizer, self.generator
        )
        return self.logs(loss, generator_loss)


def fit_way(model, real, batch_size, **options):
    model.compile(adam(), adam(), **options)
    batches = data.batches(real, batch_size).repeat()

    def train(steps):
        model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)

    return train


def alone_way(model, real, batch_size):
    """The same steps in one compiled loop, with nothing around them: the least that they can take."""
    model.compile(adam(), adam())
    real = tf.constant(real)

    @tf.function
    def loop(steps):
        for step in tf.range(steps):
            start = step * batch_size % (len(real) - batch_size + 1)
            model.train_step(real[start : start + batch_size])

    return lambda steps: loop(tf.constant(steps))


def train_on_batch_way(generator, discriminator, real, batch_size):
    """The widely taught loop: predict, two train_on_batch, and one on a combined model with a frozen discriminator."""
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    rng = np.random.default_rng(0)
    latent_dim = generator.input_shape[-1]
    ones, zeros = np.ones((batch_size, 1)), np.zeros((batch_size, 1))
    discriminator.compile(adam(), loss)
    discriminator.train_on_batch(
        real[:batch_size], ones
    )  # built before it is frozen, so that it goes on learning
    discriminator.trainable = False
    combined = keras.Sequential([generator, discriminator])
    combined.compile(adam(), loss)

    def train(steps):
        for _ in range(steps):
            rows = rng.integers(len(real), size=batch_size)
            generated = generator.predict(
                rng.normal(size=(batch_size, latent_dim)), verbose=0
            )
            discriminator.train_on_batch(real[rows], ones)
            discriminator.train_on_batch(generated, zeros)
            combined.train_on_batch(
                rng.normal(size=(batch_size, latent_dim)), ones
            )

    return train


def operations(network):
    """Floating-point operations of one example's way through a network: 2 for each weight, wherever it is applied."""
    kernels = [layer for layer in network.layers if hasattr(layer, "kernel")]
    return 2 * sum(
        np.prod(k.output.shape[1:-1]) * np.prod(k.kernel.shape) for k in kernels
    )


def step_operations(generator, discriminator, batch_size):
    """Floating-point operations of a training step.

    The discriminator's half passes the generator once, and the discriminator forward and twice backward (for weights
    and for activations) with two batches; the generator's half passes the discriminator forward and once backward,
    and the generator forward and twice backward.
    """
    return batch_size * (
        4 * operations(generator) + 8 * operations(discriminator)
    )


def wgan_gp_operations(generator, critic, batch_size):
    """The same for five critic steps and one of the generator.

    A critic step passes the generator once, the critic forward and twice backward with two batches, and for the
    penalty forward and backward to the examples, and twice backward through each of the two.
    """
    critic_step = operations(generator) + (6 + 6) * operations(critic)
    return batch_size * (
        5 * critic_step + 3 * operations(generator) + 2 * operations(critic)
    )


def product_way():
    """A product of two matrices of 2048 x 2048, the most that a processor can do."""
    kind = keras.config.dtype_policy().compute_dtype
    matrix = tf.cast(tf.random.normal((2048, 2048)), kind)
    product = tf.function(tf.matmul)

    def train(steps):
        for _ in range(steps):
            product(matrix, matrix)

    return train


def pair_and_data(kind):
    rng = np.random.default_rng(0)
    if kind == "dense":
        pair = networks.dense_generator(), networks.dense_discriminator()
        return pair, rng.normal(size=(51_200, 2)).astype("float32")
    pair = (
        networks.convolutional_generator(),
        networks.convolutional_discriminator(dropout=0.0),
    )
    return pair, rng.uniform(-1, 1, (6400, 28, 28, 1)).astype("float32")


def way(name, model, pair, real, batch_size):
    ours, textbook = {
        "GAN": (GAN, TextbookGAN),
        "WGAN-GP": (WGANGP, TextbookWGANGP),
    }[model]
    # WGANGP takes a batch for all five critic steps, the textbook one for each
    batch = 5 * batch_size if model == "WGAN-GP" else batch_size
    match name:
        case "fit":
            return fit_way(ours(*pair), real, batch)
        case "fit, 20 steps an execution":
            return fit_way(ours(*pair), real, batch, steps_per_execution=20)
        case "textbook train_step":
            return fit_way(textbook(*pair), real, batch_size)
        case "the same steps, compiled alone":
            return alone_way(ours(*pair), real, batch)
        case "train_on_batch loop":
            return train_on_batch_way(*pair, real, batch_size)
        case "product":
            return product_way()


if __name__ == "__main__":
    name, model, kind, precision = sys.argv[1:]
    if precision == "bfloat16":
        keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    if name == "operations":
        count = {"GAN": step_operations, "WGAN-GP": wgan_gp_operations}[model]
        print(count(*pair_and_data(kind)[0], BATCH[kind]))
    else:
        pair, real = pair_and_data(kind)
        weights = [w for player in pair for w in player.trainable_variables]
        # counted before the loop freezes its discriminator
        count = sum(math.prod(w.shape) for w in weights)
        serve(way(name, model, pair, real, BATCH[kind]), count)
