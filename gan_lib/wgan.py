"""The Wasserstein GAN of Arjovsky et al. 2017, with weight clipping, as one Keras model."""

import keras
import numpy as np
import tensorflow as tf


class WGAN(keras.Model):
    """A generator and a critic with clipped weights that train against each other with `fit()`.

    A training step is one round of Algorithm 1 of Arjovsky et al. 2017, "Wasserstein GAN"
    (arXiv:1701.07875): critic_steps steps of the critic, each on a fresh minibatch of m real
    examples and m fresh latent vectors and followed by clipping its weights, then one step of the
    generator on m fresh latent vectors. One batch of `fit` holds the real examples of a whole
    round: give it the size critic_steps * m.

    The critic f minimises mean f(generated) - mean f(real), the generator -mean f(generated).
    Clipping keeps f Lipschitz, so that `wasserstein_estimate`, mean f(real) - mean f(generated),
    estimates the Wasserstein-1 distance up to an unknown factor.

    The paper trains both networks with RMSprop at the rate 5e-5, without momentum, m = 64.

    Args:
        generator: Keras model, latent vectors (batch, latent_dim) to examples (batch, ...).
        critic: Keras model, examples (batch, ...) to scores (batch, 1), any real numbers.
        critic_steps: n_critic of Algorithm 1.
        clip_value: c of Algorithm 1. After each critic step all its trainable weights lie in [-c, c].
        latent: "normal" for N(0, 1) or "uniform" for U[-1, 1), each number of a latent vector.
        seed: integer. The same seed, initial weights and data give the same run; None draws one.

    Raises:
        ValueError: where a network is missing, not built or does not fit the other, where an option
            is out of range, and, from `fit`, where the data is not float examples of the critic's
            input shape, or a batch has fewer than critic_steps of them.
    """

    def __init__(
        self,
        generator,
        critic,
        critic_steps=5,
        clip_value=0.01,
        latent="normal",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for role, network in [("generator", generator), ("critic", critic)]:
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
            or generator.output_shape[1:] != critic.input_shape[1:]
        ):
            raise ValueError(
                f"generator maps {generator.input_shape} to {generator.output_shape}; expected (None, latent_dim) to "
                f"the critic's input, {critic.input_shape}"
            )
        if critic.output_shape != (None, 1):
            raise ValueError(
                f"critic's output is {critic.output_shape}; expected scores (None, 1)"
            )
        if (
            critic_steps < 1
            or not clip_value > 0
            or latent not in ("normal", "uniform")
        ):
            raise ValueError(
                f"received critic_steps={critic_steps}, clip_value={clip_value}, latent={latent!r}; "
                "expected 1 or more, a number above 0, and 'normal' or 'uniform'"
            )
        self.generator = generator
        self.critic = critic
        self.latent_dim = generator.input_shape[-1]
        self.critic_steps = critic_steps
        self.clip_value = clip_value
        self.latent = latent
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.critic_loss = keras.metrics.Mean(name="critic_loss")
        self.generator_loss = keras.metrics.Mean(name="generator_loss")
        self.wasserstein_estimate = keras.metrics.Mean(
            name="wasserstein_estimate"
        )
        self.built = True

    def compile(self, generator_optimizer, critic_optimizer, **kwargs):
        """Sets an optimizer for each network; other arguments are those of `keras.Model.compile`."""
        super().compile(optimizer=None, **kwargs)
        self.generator_optimizer = keras.optimizers.get(generator_optimizer)
        self.critic_optimizer = keras.optimizers.get(critic_optimizer)
        if self.generator_optimizer is self.critic_optimizer:
            raise ValueError(
                "received one optimizer twice; expected two, since each keeps the state of one network"
            )
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.critic_optimizer.build(self.critic.trainable_variables)

    @property
    def metrics(self):
        return [
            self.critic_loss,
            self.generator_loss,
            self.wasserstein_estimate,
        ]

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
        k, n = self.critic_steps, tf.shape(real)[0]
        for step in range(k):
            rows = (
                tf.range(step, tf.maximum(n, k), k) % n
            )  # a last batch of fewer than k is reused
            self.update_critic(tf.gather(real, rows))
        self.update_generator(tf.maximum(n // k, 1))
        return {metric.name: metric.result() for metric in self.metrics}

    def update_critic(self, real):
        """One step of the critic on a minibatch of real examples; the generator's weights stay."""
        generated = self.generator(
            self.draw_latent(tf.shape(real)[0]), training=True
        )
        with tf.GradientTape() as tape:
            loss = self.mean_score(generated) - self.mean_score(real)
        self.descend(tape, loss, self.critic, self.critic_optimizer)
        for weights in self.critic.trainable_variables:
            weights.assign(
                tf.clip_by_value(weights, -self.clip_value, self.clip_value)
            )
        self.critic_loss.update_state(loss)
        self.wasserstein_estimate.update_state(-loss)

    def update_generator(self, n):
        """One step of the generator on n latent vectors; the critic's weights stay."""
        latent = self.draw_latent(n)
        with tf.GradientTape() as tape:
            loss = -self.mean_score(self.generator(latent, training=True))
        self.descend(tape, loss, self.generator, self.generator_optimizer)
        self.generator_loss.update_state(loss)

    def mean_score(self, examples):
        return tf.reduce_mean(
            tf.cast(self.critic(examples, training=True), tf.float32)
        )

    def descend(self, tape, loss, network, optimizer):
        """One optimizer step. Keras adds the gradients of all replicas, so each gives its share."""
        share = 1.0 / tf.distribute.get_strategy().num_replicas_in_sync
        variables = network.trainable_variables
        optimizer.apply(
            tape.gradient(loss, variables, output_gradients=share), variables
        )

    def check_batch(self, real):
        expected = self.critic.input_shape[1:]
        if (
            not tf.TensorShape(expected).is_compatible_with(real.shape[1:])
            or not real.dtype.is_floating
        ):
            raise ValueError(
                f"received real examples of shape {tuple(real.shape[1:])} and type {real.dtype.name}; "
                f"expected {expected} and floating-point numbers in the range of the generator's output"
            )
        if real.shape[0] is not None and real.shape[0] < self.critic_steps:
            raise ValueError(
                f"received a batch of {real.shape[0]}; expected critic_steps={self.critic_steps} or more, "
                "since each critic step takes real examples of its own"
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
