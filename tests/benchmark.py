"""Speed of GAN.fit against the usual ways, side by side: `make bench`.

One process; the ways take turns, so that a slow moment of the machine meets all of them; medians. All ways train the
same networks with the same batch and optimizers.
"""

import gan_lib  # noqa: F401  (starts TensorFlow quietly)
from gan_lib import data, networks
from gan_lib.gan import GAN

import functools
import resource
import subprocess
import sys
import time

import keras
import numpy as np
import tensorflow as tf

TURNS = 5


def adam():
    return keras.optimizers.Adam(2e-4, beta_1=0.5)


class TextbookGAN(keras.Model):
    """The step as most tutorials write it: one batch of real and generated together, Keras's default compilation."""

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

    def train_step(self, real):
        n = tf.shape(real)[0]
        latent_shape = (n, self.generator.input_shape[-1])
        images = tf.concat(
            [real, self.generator(keras.random.normal(latent_shape, seed=self.seed_generator))],
            axis=0,
        )
        labels = tf.concat([tf.ones((n, 1)), tf.zeros((n, 1))], axis=0)
        with tf.GradientTape() as tape:
            discriminator_loss = self.loss_function(
                labels, self.discriminator(images, training=True)
            )
        gradients = tape.gradient(discriminator_loss, self.discriminator.trainable_weights)
        self.discriminator_optimizer.apply_gradients(
            zip(gradients, self.discriminator.trainable_weights, strict=True)
        )
        latent = keras.random.normal(latent_shape, seed=self.seed_generator)
        with tf.GradientTape() as tape:
            logits = self.discriminator(self.generator(latent, training=True), training=True)
            generator_loss = self.loss_function(tf.ones((n, 1)), logits)
        gradients = tape.gradient(generator_loss, self.generator.trainable_weights)
        self.generator_optimizer.apply_gradients(
            zip(gradients, self.generator.trainable_weights, strict=True)
        )
        self.discriminator_loss.update_state(discriminator_loss)
        self.generator_loss.update_state(generator_loss)
        return {
            "discriminator_loss": self.discriminator_loss.result(),
            "generator_loss": self.generator_loss.result(),
        }


def array_way(model, real, batch_size):
    """From an array: TensorFlow 2.21 may wait for tf.data's tuning thread at the end of each epoch."""
    model.compile(adam(), adam())

    def train(steps):
        model.fit(real[: steps * batch_size], batch_size=batch_size, verbose=0)

    return train


def fit_way(model, real, batch_size, **options):
    """From `data.batches`, as the chapters do."""
    model.compile(adam(), adam(), **options)
    batches = data.batches(real, batch_size).repeat()

    def train(steps):
        model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)

    return train


def bare_loop_way(model, real, batch_size):
    """The same steps in one compiled loop, with nothing around them: the least that they can take."""
    model.compile(adam(), adam())
    real = tf.constant(real)

    @tf.function
    def loop(steps):
        for step in tf.range(steps):
            model.train_step(real[step * batch_size : (step + 1) * batch_size])

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
        for step in range(steps):
            generated = generator.predict(rng.normal(size=(batch_size, latent_dim)), verbose=0)
            discriminator.train_on_batch(real[step * batch_size : (step + 1) * batch_size], ones)
            discriminator.train_on_batch(generated, zeros)
            combined.train_on_batch(rng.normal(size=(batch_size, latent_dim)), ones)

    return train


def matrix_product_rate():
    """GFLOP/s of this machine's own float32 matrix product, the most that a step could reach."""
    n = 2048
    a = tf.random.normal((n, n))
    product = tf.function(tf.matmul)
    seconds = []
    for _ in range(6):
        started = time.perf_counter()
        product(a, a).numpy()
        seconds.append(time.perf_counter() - started)
    return 2 * n**3 / min(seconds) / 1e9


def compare(title, make_generator, make_discriminator, real, batch_size, steps):
    def pair():
        return make_generator(), make_discriminator()

    ways = {
        "GAN.fit": fit_way(GAN(*pair()), real, batch_size),
        "GAN.fit, from an array": array_way(GAN(*pair()), real, batch_size),
        "GAN.fit, steps_per_execution=50": fit_way(
            GAN(*pair()), real, batch_size, steps_per_execution=50
        ),
        "(a) train_on_batch loop": train_on_batch_way(*pair(), real, batch_size),
        "(b) textbook train_step": fit_way(TextbookGAN(*pair()), real, batch_size),
        "(c) bare compiled loop": bare_loop_way(GAN(*pair()), real, batch_size),
    }
    milliseconds = {name: [] for name in ways}
    for train in ways.values():
        train(steps)  # compiles
    for _ in range(TURNS):
        for name, train in ways.items():
            started = time.perf_counter()
            train(steps)
            milliseconds[name].append((time.perf_counter() - started) / steps * 1000)
    medians = {name: float(np.median(values)) for name, values in milliseconds.items()}
    references = [name for name in ways if name.startswith("(")]
    print(f"\n{title}, batch {batch_size}, {steps} steps a turn, {TURNS} turns")
    print(f"{'times as fast as':34}{'ms a step':>10}" + "".join(f"{n[:3]:>8}" for n in references))
    for name, median in medians.items():
        ratios = "".join(f"{medians[other] / median:>7.2f}x" for other in references)
        print(f"{name:34}{median:>10.2f}{ratios}")
    rate = step_operations(*pair(), batch_size) / min(medians.values()) / 1e6
    print(
        f"the fastest: {rate:.0f} GFLOP/s, {rate / matrix_product_rate():.0%} of a matrix product's"
    )


def operations(network):
    """Floating-point operations of one example's way through a network: 2 for each weight, wherever it is applied."""
    kernels = [layer for layer in network.layers if hasattr(layer, "kernel")]
    return 2 * sum(np.prod(k.output.shape[1:-1]) * np.prod(k.kernel.shape) for k in kernels)


def step_operations(generator, discriminator, batch_size):
    """Floating-point operations of a training step.

    The discriminator's half passes the generator once, and the discriminator forward and twice backward (for weights
    and for activations) with two batches; the generator's half passes the discriminator forward and once backward,
    and the generator forward and twice backward.
    """
    return batch_size * (4 * operations(generator) + 8 * operations(discriminator))


def first_step_seconds():
    """From importing gan_lib to the end of the first training step of the digits, in a fresh process."""
    code = (
        "import time; t = time.perf_counter(); import gan_lib; from gan_lib import data, networks;"
        "from gan_lib.gan import GAN;"
        "gan = GAN(networks.convolutional_generator(), networks.convolutional_discriminator());"
        "gan.compile('adam', 'adam'); gan.fit(data.load_images()[0][:64], batch_size=64, verbose=0);"
        "print(time.perf_counter() - t)"
    )
    return float(
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout
    )


def main():
    rng = np.random.default_rng(0)
    print(f"matrix product: {matrix_product_rate():.0f} GFLOP/s in float32")
    compare(
        "3 x 128 dense, 2-D points",
        networks.dense_generator,
        networks.dense_discriminator,
        rng.normal(size=(200 * 256, 2)).astype("float32"),
        batch_size=256,
        steps=200,
    )
    networks_512 = [
        functools.partial(make, units=(512, 512, 512), negative_slope=0.1)
        for make in (networks.dense_generator, networks.dense_discriminator)
    ]
    compare(
        "the spiral of chapter 03 at its published size, 3 x 512 dense",
        *networks_512,
        data.spiral(rng.uniform(-1, 1, (100 * 512, 2))),
        batch_size=512,
        steps=100,
    )
    compare(
        "convolutional, 28 x 28",
        networks.convolutional_generator,
        networks.convolutional_discriminator,
        rng.uniform(-1, 1, (100 * 64, 28, 28, 1)).astype("float32"),
        batch_size=64,
        steps=100,
    )
    print(
        f"\nimport of gan_lib to the end of the first training step: {first_step_seconds():.1f} s"
    )
    print(
        f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"
    )


if __name__ == "__main__":
    main()
