"""The generative adversarial network of Goodfellow et al. 2014, as one Keras model."""

import keras
import numpy as np
import tensorflow as tf


class GAN(keras.Model):
    """A generator and a discriminator that train against each other with `fit()`.

    A training step is one round of Algorithm 1 of Goodfellow et al. 2014, "Generative
    Adversarial Nets" (arXiv:1406.2661): k steps of the discriminator, each on a fresh minibatch of
    m real examples and m fresh latent vectors, then one step of the generator on m fresh latent
    vectors. One batch of `fit` holds the real examples of a whole round: give it the size k * m.

    The discriminator minimises binary cross-entropy with target 1 for real and 0 for generated
    examples, averaged over both. That is -V(D, G) / 2, and ln 2 where D = 1/2. (Algorithm 1
    ascends V: the same direction, twice as steep.) The generator minimises -log D(G(z)), the
    non-saturating loss of section 3 of the paper.

    Args:
        generator: Keras model, latent vectors (batch, latent_dim) to examples (batch, ...).
        discriminator: Keras model, examples (batch, ...) to logits (batch, 1), without a sigmoid.
        discriminator_steps: k of Algorithm 1.
        saturating: if True, the generator minimises log(1 - D(G(z))), as Algorithm 1 is written.
        label_smoothing: in [0, 1). The target of real examples is 1 - label_smoothing, that of
            generated ones stays 0 (one-sided, Salimans et al. 2016, section 3.4).
        latent: "normal" for N(0, 1) or "uniform" for U[-1, 1), each number of a latent vector.
        seed: integer. The same seed, initial weights and data give the same run; None draws one.

    Raises:
        ValueError: where a network is missing, not built or does not fit the other, where an option
            is out of range, and, from `fit`, where the data is not float examples of the
            discriminator's input shape, or a batch has fewer than k of them.
    """

    def __init__(
        self,
        generator,
        discriminator,
        discriminator_steps=1,
        saturating=False,
        label_smoothing=0.0,
        latent="normal",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for role, network in [
            ("generator", generator),
            ("discriminator", discriminator),
        ]:
            if not (
                isinstance(network, keras.Model)
                and network.built
                and hasattr(network, "input_shape")
            ):
                raise ValueError(
                    f"{role} is {network!r}; expected a Keras model that starts with keras.Input"
                )
        if (
            len(generator.input_shape) != 2
            or generator.output_shape[1:] != discriminator.input_shape[1:]
        ):
            raise ValueError(
                f"generator maps {generator.input_shape} to {generator.output_shape}; expected (None, latent_dim) to "
                f"the discriminator's input, {discriminator.input_shape}"
            )
        if discriminator.output_shape != (None, 1):
            raise ValueError(
                f"discriminator's output is {discriminator.output_shape}; expected logits (None, 1)"
            )
        if (
            discriminator_steps < 1
            or not 0 <= label_smoothing < 1
            or latent not in ("normal", "uniform")
        ):
            raise ValueError(
                f"received discriminator_steps={discriminator_steps}, label_smoothing={label_smoothing}, "
                f"latent={latent!r}; expected 1 or more, a number in [0, 1), and 'normal' or 'uniform'"
            )
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = generator.input_shape[-1]
        self.discriminator_steps = discriminator_steps
        self.saturating = saturating
        self.label_smoothing = label_smoothing
        self.latent = latent
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.discriminator_loss = keras.metrics.Mean(name="discriminator_loss")
        self.generator_loss = keras.metrics.Mean(name="generator_loss")
        self.built = True

    def compile(self, generator_optimizer, discriminator_optimizer, **kwargs):
        """Sets an optimizer for each network; other arguments are those of `keras.Model.compile`."""
        super().compile(optimizer=None, **kwargs)
        self.generator_optimizer = keras.optimizers.get(generator_optimizer)
        self.discriminator_optimizer = keras.optimizers.get(
            discriminator_optimizer
        )
        if self.generator_optimizer is self.discriminator_optimizer:
            raise ValueError(
                "received one optimizer twice; expected two, since each keeps the state of one network"
            )
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(
            self.discriminator.trainable_variables
        )

    @property
    def metrics(self):
        return [self.discriminator_loss, self.generator_loss]

    def call(self, latent, training=False):
        return self.generator(latent, training=training)

    def sample(self, n, seed=None):
        """Returns n generated examples, a float32 numpy array (n, ...). A seed makes it repeatable."""
        latent = self.draw_latent(n, seed)
        batches = [
            self.generator(latent[i : i + 500], training=False)
            for i in range(0, n, 500)
        ]
        return np.concatenate([batch.numpy() for batch in batches])

    def draw_latent(self, n, seed=None):
        """Returns n latent vectors, (n, latent_dim); each replica of a strategy draws its own."""
        seed = self.seed_generator.next() if seed is None else (seed, 0)
        seed = tf.random.experimental.stateless_fold_in(
            seed, tf.distribute.get_replica_context().replica_id_in_sync_group
        )
        if self.latent == "uniform":
            return tf.random.stateless_uniform(
                (n, self.latent_dim), seed, minval=-1.0
            )
        return tf.random.stateless_normal((n, self.latent_dim), seed)

    def train_step(self, data):
        real, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        self.check_batch(real)
        k, n = self.discriminator_steps, tf.shape(real)[0]
        for step in range(k):
            rows = (
                tf.range(step, tf.maximum(n, k), k) % n
            )  # a last batch of fewer than k is reused
            self.update_discriminator(tf.gather(real, rows))
        self.update_generator(tf.maximum(n // k, 1))
        return {metric.name: metric.result() for metric in self.metrics}

    def update_discriminator(self, real):
        """One step of the discriminator on a minibatch of real examples; the generator's weights stay."""
        generated = self.generator(
            self.draw_latent(tf.shape(real)[0]), training=True
        )
        with tf.GradientTape() as tape:
            loss_on_real = self.cross_entropy(
                1.0 - self.label_smoothing,
                self.discriminator(real, training=True),
            )
            loss_on_generated = self.cross_entropy(
                0.0, self.discriminator(generated, training=True)
            )
            loss = (loss_on_real + loss_on_generated) / 2
        self.descend(
            tape, loss, self.discriminator, self.discriminator_optimizer
        )
        self.discriminator_loss.update_state(loss)

    def update_generator(self, n):
        """One step of the generator on n latent vectors; the discriminator's weights stay."""
        latent = self.draw_latent(n)
        with tf.GradientTape() as tape:
            logits = self.discriminator(
                self.generator(latent, training=True), training=True
            )
            loss = (
                -self.cross_entropy(0.0, logits)
                if self.saturating
                else self.cross_entropy(1.0, logits)
            )
        self.descend(tape, loss, self.generator, self.generator_optimizer)
        self.generator_loss.update_state(loss)

    def cross_entropy(self, target, logits):
        """Binary cross-entropy of logits (batch, 1) with one target, the mean in float32."""
        logits = tf.cast(logits, tf.float32)
        return tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(
                tf.fill(tf.shape(logits), target), logits
            )
        )

    def descend(self, tape, loss, network, optimizer):
        """One optimizer step. Keras adds the gradients of all replicas, so each gives its share."""
        share = 1.0 / tf.distribute.get_strategy().num_replicas_in_sync
        variables = network.trainable_variables
        optimizer.apply(
            tape.gradient(loss, variables, output_gradients=share), variables
        )

    def check_batch(self, real):
        expected = self.discriminator.input_shape[1:]
        if (
            not tf.TensorShape(expected).is_compatible_with(real.shape[1:])
            or not real.dtype.is_floating
        ):
            raise ValueError(
                f"received real examples of shape {tuple(real.shape[1:])} and type {real.dtype.name}; "
                f"expected {expected} and floating-point numbers in the range of the generator's output"
            )
        if (
            real.shape[0] is not None
            and real.shape[0] < self.discriminator_steps
        ):
            raise ValueError(
                f"received a batch of {real.shape[0]}; expected discriminator_steps={self.discriminator_steps} or "
                "more, since each discriminator step takes real examples of its own"
            )

    def save_own_variables(self, store):
        """Keeps the state of all random generators too: a loaded run needs it to go on exactly."""
        for i, state in enumerate(self.random_states()):
            store[str(i)] = state

    def load_own_variables(self, store):
        for i, state in enumerate(self.random_states()):
            state.assign(store[str(i)])

    def random_states(self):
        return [
            variable
            for variable in self.variables
            if variable.name == "seed_generator_state"
        ]
