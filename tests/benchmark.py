"""Speed of GAN.fit and WGANGP.fit against the usual ways, side by side: `make bench`.

One process; the ways take turns, so that a slow moment of the machine meets all of them; medians. All ways train the
same networks with the same batch and optimizers.
"""

import gan_lib  # noqa: F401  (starts TensorFlow quietly)
from gan_lib import data, networks
from gan_lib.gan import GAN
from gan_lib.wgan_gp import WGANGP

import functools
import importlib.util
import resource
import subprocess
import sys
import time

import keras
import numpy as np
import tensorflow as tf

TURNS = 5
TURN_SECONDS = 2


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
            [
                real,
                self.generator(
                    keras.random.normal(latent_shape, seed=self.seed_generator)
                ),
            ],
            axis=0,
        )
        labels = tf.concat([tf.ones((n, 1)), tf.zeros((n, 1))], axis=0)
        with tf.GradientTape() as tape:
            discriminator_loss = self.loss_function(
                labels, self.discriminator(images, training=True)
            )
        gradients = tape.gradient(
            discriminator_loss, self.discriminator.trainable_weights
        )
        self.discriminator_optimizer.apply_gradients(
            zip(gradients, self.discriminator.trainable_weights, strict=True)
        )
        latent = keras.random.normal(latent_shape, seed=self.seed_generator)
        with tf.GradientTape() as tape:
            logits = self.discriminator(
                self.generator(latent, training=True), training=True
            )
            generator_loss = self.loss_function(tf.ones((n, 1)), logits)
        gradients = tape.gradient(
            generator_loss, self.generator.trainable_weights
        )
        self.generator_optimizer.apply_gradients(
            zip(gradients, self.generator.trainable_weights, strict=True)
        )
        self.discriminator_loss.update_state(discriminator_loss)
        self.generator_loss.update_state(generator_loss)
        return {
            "discriminator_loss": self.discriminator_loss.result(),
            "generator_loss": self.generator_loss.result(),
        }


class TextbookWGANGP(TextbookGAN):
    """The step as most tutorials write it: one real batch for all critic steps, Keras's default compilation."""

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
                difference = tf.reduce_mean(
                    self.discriminator(generated, training=True)
                ) - tf.reduce_mean(self.discriminator(real, training=True))
                loss = difference + self.gp_weight * self.gradient_penalty(
                    real, generated
                )
            gradients = tape.gradient(
                loss, self.discriminator.trainable_weights
            )
            self.discriminator_optimizer.apply_gradients(
                zip(
                    gradients, self.discriminator.trainable_weights, strict=True
                )
            )
        latent = tf.random.normal(latent_shape)
        with tf.GradientTape() as tape:
            generator_loss = -tf.reduce_mean(
                self.discriminator(
                    self.generator(latent, training=True), training=True
                )
            )
        gradients = tape.gradient(
            generator_loss, self.generator.trainable_weights
        )
        self.generator_optimizer.apply_gradients(
            zip(gradients, self.generator.trainable_weights, strict=True)
        )
        self.discriminator_loss.update_state(loss)
        self.generator_loss.update_state(generator_loss)
        return {
            "discriminator_loss": self.discriminator_loss.result(),
            "generator_loss": self.generator_loss.result(),
        }


def array_way(model, real, batch_size):
    """From an array: TensorFlow 2.21 may wait for tf.data's tuning thread at the end of each epoch."""
    model.compile(adam(), adam())

    def train(steps):
        rows = np.resize(real, (steps * batch_size, *real.shape[1:]))
        model.fit(rows, batch_size=batch_size, verbose=0)

    return train


def fit_way(model, real, batch_size, **options):
    """From `data.batches`, as the chapters do."""
    model.compile(adam(), adam(), **options)
    batches = data.batches(real, batch_size).repeat()

    def train(steps):
        model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)

    return train


def validated_way(model, real, batch_size):
    """As many validation steps as training steps, on batches of one size."""
    model.compile(adam(), adam())
    batches = data.batches(real, batch_size).repeat()

    def train(steps):
        model.fit(
            batches,
            steps_per_epoch=steps,
            validation_data=batches,
            validation_steps=steps,
            shuffle=False,
            verbose=0,
        )

    return train


def bare_loop_way(model, real, batch_size):
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


def torch_way(generator, critic, real, batch_size):
    """WGAN-GP in PyTorch without compilation, as its tutorials write it, with the same layers."""
    import torch

    def copy(network):
        """The same layers; images have their channels first."""
        channels, pieces = network.input_shape[-1], []
        for layer in network.layers:
            shape = layer.output.shape[1:]
            match type(layer).__name__:
                case "Dense":
                    pieces.append(
                        torch.nn.Linear(
                            channels, layer.units, bias=layer.use_bias
                        )
                    )
                case "Conv2D":
                    kernel, stride, units = (
                        layer.kernel_size[0],
                        layer.strides[0],
                        layer.filters,
                    )
                    options = {
                        "stride": stride,
                        "padding": 1,
                        "bias": layer.use_bias,
                    }
                    pieces.append(
                        torch.nn.Conv2d(channels, units, kernel, **options)
                    )
                case "BatchNormalization" if len(shape) == 1:
                    pieces.append(torch.nn.BatchNorm1d(channels))
                case "BatchNormalization":
                    pieces.append(torch.nn.BatchNorm2d(channels))
                case "LeakyReLU":
                    pieces.append(torch.nn.LeakyReLU(layer.negative_slope))
                case "UpSampling2D":
                    pieces.append(torch.nn.Upsample(scale_factor=2))
                case "Reshape":
                    pieces.append(
                        torch.nn.Unflatten(1, (shape[-1], *shape[:-1]))
                    )
                case "Flatten":
                    pieces.append(torch.nn.Flatten())
                case "Activation":
                    pieces.append(torch.nn.Tanh())
                case other:
                    raise ValueError(
                        f"received a layer {other}; expected one of those above"
                    )
            channels = shape[-1]
        return torch.nn.Sequential(*pieces)

    latent_dim = generator.input_shape[-1]
    players = [copy(generator), copy(critic)]
    generator, critic = players
    optimizers = [
        torch.optim.Adam(p.parameters(), 2e-4, betas=(0.5, 0.999))
        for p in players
    ]
    real = torch.tensor(np.moveaxis(real, -1, 1) if real.ndim == 4 else real)

    def gradient_penalty(real, generated):
        weights = torch.rand(len(real), *[1] * (real.ndim - 1))
        interpolated = (real + weights * (generated - real)).requires_grad_()
        (gradients,) = torch.autograd.grad(
            critic(interpolated).sum(), interpolated, create_graph=True
        )
        return ((gradients.flatten(1).norm(dim=1) - 1) ** 2).mean()

    def train(steps):
        for _ in range(steps):
            for _ in range(5):
                batch = real[torch.randint(len(real), (batch_size,))]
                generated = generator(
                    torch.randn(batch_size, latent_dim)
                ).detach()
                loss = critic(generated).mean() - critic(batch).mean()
                loss = loss + 10.0 * gradient_penalty(batch, generated)
                optimizers[1].zero_grad()
                loss.backward()
                optimizers[1].step()
            loss = -critic(
                generator(torch.randn(batch_size, latent_dim))
            ).mean()
            optimizers[0].zero_grad()
            loss.backward()
            optimizers[0].step()

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


def compare(title, ways, operations):
    """Prints what a step takes in each way, as a multiple of the references, and how near it is to a matrix product."""
    steps, milliseconds = {}, {name: [] for name in ways}
    for name, train in ways.items():
        train(50)  # compiles
        started = time.perf_counter()
        train(50)
        seconds = (time.perf_counter() - started) / 50
        steps[name] = 50 * max(1, round(TURN_SECONDS / seconds / 50))
    for _ in range(TURNS):
        for name, train in ways.items():
            started = time.perf_counter()
            train(steps[name])
            milliseconds[name].append(
                (time.perf_counter() - started) / steps[name] * 1000
            )
    medians = {
        name: float(np.median(values)) for name, values in milliseconds.items()
    }
    references = [name for name in ways if name.startswith("(")]
    print(f"\n{title}; {TURNS} turns of about {TURN_SECONDS} s")
    print(
        f"{'times as fast as':36}{'ms a step':>10}"
        + "".join(f"{n[:3]:>8}" for n in references)
    )
    for name, median in medians.items():
        ratios = "".join(
            f"{medians[other] / median:>7.2f}x" for other in references
        )
        print(f"{name:36}{median:>10.2f}{ratios}")
    rate = operations / min(medians.values()) / 1e6
    share = rate / matrix_product_rate()
    print(
        f"the fastest: {rate:.0f} GFLOP/s, {share:.0%} of a matrix product's",
        flush=True,
    )


def compare_gan(title, make_generator, make_discriminator, real, batch_size):
    def pair():
        return make_generator(), make_discriminator()

    ways = {
        "GAN.fit": fit_way(GAN(*pair()), real, batch_size),
        "GAN.fit, from an array": array_way(GAN(*pair()), real, batch_size),
        "GAN.fit, steps_per_execution=50": fit_way(
            GAN(*pair()), real, batch_size, steps_per_execution=50
        ),
        "GAN.fit, a validation step each": validated_way(
            GAN(*pair()), real, batch_size
        ),
        "(a) train_on_batch loop": train_on_batch_way(
            *pair(), real, batch_size
        ),
        "(b) textbook train_step": fit_way(
            TextbookGAN(*pair()), real, batch_size
        ),
        "(c) bare compiled loop": bare_loop_way(GAN(*pair()), real, batch_size),
    }
    compare(
        f"{title}, batch {batch_size}",
        ways,
        step_operations(*pair(), batch_size),
    )


def compare_wgan_gp(title, make_generator, make_critic, real, batch_size):
    """All with five critic steps a step. WGANGP gets a batch for all five, the textbook one for each of them."""

    def pair():
        return make_generator(), make_critic()

    ways = {
        "WGANGP.fit": fit_way(WGANGP(*pair()), real, 5 * batch_size),
        "WGANGP.fit, steps_per_execution=50": fit_way(
            WGANGP(*pair()), real, 5 * batch_size, steps_per_execution=50
        ),
        "WGANGP.fit, a validation step each": validated_way(
            WGANGP(*pair()), real, 5 * batch_size
        ),
        "(a) textbook, from an array": array_way(
            TextbookWGANGP(*pair()), real, batch_size
        ),
        "(b) textbook train_step": fit_way(
            TextbookWGANGP(*pair()), real, batch_size
        ),
        "(c) bare compiled loop": bare_loop_way(
            WGANGP(*pair()), real, 5 * batch_size
        ),
    }
    if importlib.util.find_spec("torch"):
        ways["(d) PyTorch, eager"] = torch_way(*pair(), real, batch_size)
    else:
        print("\nPyTorch is not installed: not compared")
    compare(
        f"{title}, minibatch {batch_size}",
        ways,
        wgan_gp_operations(*pair(), batch_size),
    )


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
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )


def main():
    rng = np.random.default_rng(0)
    print(
        f"matrix product: {matrix_product_rate():.0f} GFLOP/s in float32",
        flush=True,
    )
    dense = networks.dense_generator, networks.dense_discriminator
    convolutional = (
        networks.convolutional_generator,
        networks.convolutional_discriminator,
    )
    spiral = [
        functools.partial(make, units=(512,) * 3, negative_slope=0.1)
        for make in dense
    ]
    small = [
        functools.partial(networks.convolutional_generator, filters=16),
        functools.partial(
            networks.convolutional_discriminator, filters=16, dropout=0.0
        ),
    ]
    points = rng.normal(size=(51_200, 2)).astype("float32")
    images = rng.uniform(-1, 1, (6400, 28, 28, 1)).astype("float32")
    compare_gan("3 x 128 dense, 2-D points", *dense, points, 256)
    latent = rng.uniform(-1, 1, (51_200, 2))
    compare_gan(
        "chapter 03 as published, 3 x 512 dense",
        *spiral,
        data.spiral(latent),
        512,
    )
    compare_gan("convolutional, 28 x 28", *convolutional, images, 64)
    compare_wgan_gp("WGAN-GP, 3 x 128 dense, 2-D points", *dense, points, 256)
    compare_wgan_gp(
        "WGAN-GP, convolutional, 16 filters, 28 x 28", *small, images, 64
    )
    print(
        f"\nimport of gan_lib to the end of the first training step: {first_step_seconds():.1f} s"
    )
    print(
        f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB"
    )


if __name__ == "__main__":
    main()
