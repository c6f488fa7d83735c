"""The Wasserstein GAN with gradient penalty of Gulrajani et al. 2017."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class WGANGP(keras.Model):
    """A generator G and a critic f with a penalty on its gradient.

    Algorithm 1 of Gulrajani et al. 2017, "Improved Training of Wasserstein
    GANs" (arXiv:1704.00028). A batch of `fit` is one round of it, and holds
    the real examples of all critic steps: k * m of them, k being critic_steps.

        for each of k steps:
            x = m real examples, z = m latent vectors
            y = x + u * (G(z) - x), a weight u from U[0, 1) for each example
            f descends mean f(G(z)) - mean f(x)
                + gp_weight * mean (||gradient of f at y|| - 1)^2
        z = m latent vectors
        G descends -mean f(G(z))

    The penalty, equation 3, draws f's slope towards 1, so that
    `wasserstein_estimate`, mean f(x) - mean f(G(z)), estimates the
    Wasserstein-1 distance. The paper trains images with
    Adam(1e-4, beta_1=0, beta_2=0.9) and m = 64. Labels and weights that a data
    set has beside its examples are passed over. `evaluate` and
    `fit(validation_data=...)` measure the losses on held-out examples; a
    critic that overfits has a smaller `wasserstein_estimate` there.

    Args:
        generator: Keras model, latent vectors (batch, latent_dim) to examples
            (batch, ...).
        critic: Keras model, examples (batch, ...) to scores (batch, 1), any
            real numbers, without batch normalisation.
        critic_steps: k, n_critic of Algorithm 1.
        gp_weight: lambda of Algorithm 1, 0 or more. The paper has 10, its
            released code 0.1 for points in the plane.
        latent: "normal" for N(0, 1) or "uniform" for U[-1, 1), each number of
            a latent vector.
        seed: integer; None draws one. With the same initial weights and
            batches it gives the same run, but for what `fit` shuffles and
            Dropout draws (see `keras.utils.set_random_seed`).

    Raises:
        ValueError: where a network or an option does not fit; from `fit`, where
            the data are not floats of f's input shape, where all batches are
            known to be smaller than k, or where an array is NaN, beyond the
            range of G's last activation, or in [0, 1] where that is [-1, 1].
        tf.errors.InvalidArgumentError: from `fit` with a data set and from
            `evaluate`, where the data are NaN or beyond that range.
    """

    def __init__(
        self,
        generator,
        critic,
        critic_steps=5,
        gp_weight=10.0,
        latent="normal",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.generator = generator
        self.critic = critic
        self.critic_steps = critic_steps
        self.gp_weight = gp_weight
        self.latent = latent
        self._check_arguments()
        self.latent_dim = generator.input_shape[-1]
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.critic_loss = keras.metrics.Mean("critic_loss")
        self.generator_loss = keras.metrics.Mean("generator_loss")
        self.wasserstein_estimate = keras.metrics.Mean("wasserstein_estimate")
        self.penalty = keras.metrics.Mean("gradient_penalty")
        self.built = True

    def compile(self, generator_optimizer, critic_optimizer, **kwargs):
        """Sets both optimizers; their learning rates may be schedules."""
        super().compile(optimizer=None, **kwargs)
        self.generator_optimizer = self._optimizer(
            generator_optimizer, self.generator
        )
        self.critic_optimizer = self._optimizer(critic_optimizer, self.critic)

    def train_step(self, data):
        real = self._real_examples(data)
        n, k = tf.shape(real)[0], self.critic_steps
        for step in range(k):
            # of 15 examples and k = 5, step 1 takes rows 1, 6 and 11;
            # a last batch of fewer than k is used over again
            self.update_critic(real[step % n :: k])
        self.update_generator(tf.maximum(n // k, 1))
        return self.get_metrics_result()

    def update_critic(self, real):
        """One step of f on a minibatch of real examples; G's weights stay."""
        latent = self.draw_latent(tf.shape(real)[0])
        generated = self.generator(latent, training=True)
        with tf.GradientTape() as tape:
            loss = self.compute_critic_loss(real, generated)
        self._descend(tape, loss, self.critic, self.critic_optimizer)

    def update_generator(self, n):
        """One step of G on n latent vectors; f's weights stay."""
        latent = self.draw_latent(n)
        with tf.GradientTape() as tape:
            generated = self.generator(latent, training=True)
            loss = self.compute_generator_loss(generated)
        self._descend(tape, loss, self.generator, self.generator_optimizer)

    def compute_critic_loss(self, real, generated, training=True, seed=None):
        """Mean score of generated less that of real examples, and penalty."""
        difference = self.mean_score(generated, training)
        difference -= self.mean_score(real, training)
        penalty = self.gradient_penalty(real, generated, training, seed)
        loss = difference + self.gp_weight * penalty
        self.critic_loss.update_state(loss)
        self.wasserstein_estimate.update_state(-difference)
        self.penalty.update_state(penalty)
        return loss

    def gradient_penalty(self, real, generated, training=True, seed=None):
        """Mean of (||gradient of f at an interpolated example|| - 1)^2.

        Each interpolated example lies between one real and one generated
        example, at a weight of its own. The norm is over all axes but the
        first. Returns a float32 scalar.
        """
        real, generated = (tf.cast(x, tf.float32) for x in (real, generated))
        weights = self.draw_weights(real, seed)
        interpolated = real + weights * (generated - real)
        with tf.GradientTape() as tape:
            tape.watch(interpolated)
            scores = self.critic(interpolated, training=training)
        gradients = tape.gradient(scores, interpolated)
        squares = tf.reduce_sum(
            tf.square(gradients), axis=range(1, gradients.shape.rank)
        )
        # the root has no finite derivative at 0
        norms = tf.sqrt(tf.maximum(squares, 1e-12))
        return tf.reduce_mean(tf.square(norms - 1.0))

    def compute_generator_loss(self, generated, training=True):
        """Mean score of generated examples, turned."""
        loss = -self.mean_score(generated, training)
        self.generator_loss.update_state(loss)
        return loss

    def mean_score(self, examples, training=True):
        scores = self.critic(examples, training=training)
        return tf.reduce_mean(tf.cast(scores, tf.float32))

    def test_step(self, data):
        """The losses on held-out examples; no weight or random state moves."""
        real = self._real_examples(data)
        # other latent vectors for each batch, the same in each evaluation
        batch = tf.cast(self.generator_loss.count, tf.int32)
        latent = self.draw_latent(tf.shape(real)[0], seed=batch)
        generated = self.generator(latent, training=False)
        self.compute_critic_loss(real, generated, training=False, seed=batch)
        self.compute_generator_loss(generated, training=False)
        return self.get_metrics_result()

    @property
    def metrics(self):
        means = [self.critic_loss, self.generator_loss]
        return [*means, self.wasserstein_estimate, self.penalty]

    def call(self, latent, training=False):
        return self.generator(latent, training=training)

    def sample(self, n, seed=None):
        """Returns n generated examples (n, ...); a seed makes it repeatable."""
        whole = isinstance(n, int | np.integer) and n > 0
        self._expect(whole, f"n is {n!r}", "an integer of 1 or more")
        latent = self.draw_latent(n, seed)
        batches = [self(latent[i : i + 500]) for i in range(0, n, 500)]
        return np.concatenate([batch.numpy() for batch in batches])

    def draw_latent(self, n, seed=None):
        """Returns n latent vectors, a float32 tensor (n, latent_dim)."""
        seed = self._seed(None if seed is None else (seed, 0))
        shape = (n, self.latent_dim)
        if self.latent == "uniform":
            return tf.random.stateless_uniform(shape, seed, minval=-1.0)
        return tf.random.stateless_normal(shape, seed)

    def draw_weights(self, real, seed=None):
        """Returns one number from U[0, 1) for each example, (batch, 1, ...)."""
        seed = self._seed(None if seed is None else (seed, 1))
        ones = tf.ones(real.shape.rank - 1, tf.int32)
        shape = tf.concat([tf.shape(real)[:1], ones], axis=0)
        return tf.random.stateless_uniform(shape, seed)

    def _seed(self, seed=None):
        """The run's next seed, or the given pair; another in each replica."""
        seed = self.seed_generator.next() if seed is None else seed
        context = tf.distribute.get_replica_context()  # None in scope()
        replica = context.replica_id_in_sync_group if context else 0
        return tf.random.experimental.stateless_fold_in(seed, replica)

    def _optimizer(self, optimizer, network):
        """Builds an optimizer for a network; it scales losses of float16."""
        optimizer = keras.optimizers.get(optimizer)
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if network.dtype_policy.name == "mixed_float16" and not scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(network.trainable_variables)
        return optimizer

    def _descend(self, tape, loss, network, optimizer):
        # Keras adds the gradients of all replicas, so each gives its share
        share = 1.0 / tf.distribute.get_strategy().num_replicas_in_sync
        share = optimizer.scale_loss(share)
        variables = network.trainable_variables
        gradients = tape.gradient(loss, variables, output_gradients=share)
        optimizer.apply(gradients, variables)

    def save_own_variables(self, store):
        """Keeps the random states, so that a loaded run goes on exactly."""
        for i, state in enumerate(self._random_states()):
            store[str(i)] = state

    def load_own_variables(self, store):
        for i, state in enumerate(self._random_states()):
            state.assign(store[str(i)])

    def _random_states(self):
        return [v for v in self.variables if v.name == "seed_generator_state"]

    def get_config(self):
        own = ["generator", "critic", "critic_steps", "gp_weight", "latent"]
        config = {name: getattr(self, name) for name in own}
        config |= self.seed_generator.get_config() | super().get_config()
        return keras.saving.serialize_keras_object(config)

    @classmethod
    def from_config(cls, config):
        return cls(**keras.saving.deserialize_keras_object(config))

    def get_compile_config(self):
        names = ["generator_optimizer", "critic_optimizer"]
        if self.compiled:
            config = {name: getattr(self, name) for name in names}
            return keras.saving.serialize_keras_object(config)

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    def fit(self, x=None, *args, **kwargs):
        """As `keras.Model.fit`, whose arguments these are."""
        if isinstance(x, np.ndarray):
            low, high = self._range(self.generator)
            least, most = np.min(x), np.max(x)
            fits = low <= least and most <= high  # False for NaN
            half = low == -1 and least >= 0  # such as pixels in [0, 1]
            received = f"received real examples from {least:g} to {most:g}"
            expected = f"finite ones from {low:g} to {high:g}"
            self._expect(fits and not half, received, expected)
        return super().fit(x, *args, **kwargs)

    def _real_examples(self, data):
        """The real examples of a batch, checked."""
        real, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        shape, k = self.critic.input_shape, self.critic_steps
        fits = tf.is_tensor(real) and real.shape.is_compatible_with(shape)
        self._expect(fits, f"received {real}", f"one array {shape}")
        kind, n = real.dtype, real.shape[0]
        self._expect(kind.is_floating, f"received {kind.name}", "floats")
        few = f"received a batch of {n}"
        self._expect(n is None or n >= k, few, f"critic_steps={k} or more")
        low, high = self._range(self.generator)
        inside = (real >= low) & (real <= high)  # False for NaN
        text = f"expected finite real examples, {low:g} to {high:g}: received"
        received = [text, tf.reduce_min(real), "to", tf.reduce_max(real)]
        check = tf.debugging.Assert(tf.reduce_all(inside), received)
        with tf.control_dependencies([check]):  # before any weight changes
            return tf.identity(real)

    def _range(self, network):
        """Lowest and highest number that a network's last activation gives."""
        shapes = (layers.Reshape, layers.Flatten)
        while hasattr(network, "layers"):
            last = [n for n in network.layers if not isinstance(n, shapes)]
            network = last[-1]
        activation = getattr(network, "activation", keras.activations.linear)
        with tf.init_scope():
            return [float(x) for x in activation(tf.constant([-1e30, 1e30]))]

    def _check_arguments(self):
        for name in ("generator", "critic"):
            network = getattr(self, name)
            built = hasattr(network, "input_shape")
            expected = "a Keras model that starts with keras.Input"
            self._expect(built, f"{name} is {network!r}", expected)
        made = self.generator.output_shape
        taken = self.critic.input_shape
        self._expect(made[1:] == taken[1:], f"generator makes {made}", taken)
        scores = self.critic.output_shape
        self._expect(scores == (None, 1), f"scores are {scores}", "(None, 1)")
        low, high = self._range(self.critic)
        ends = f"critic ends between {low:g} and {high:g}"
        expected = "scores without bounds: leave out its last activation"
        self._expect(high - low > 10, ends, expected)
        alone = all(v.name != "moving_mean" for v in self.critic.variables)
        expected = "layers that keep examples apart, as LayerNormalization"
        self._expect(alone, "critic has batch normalization", expected)
        k, weight = self.critic_steps, self.gp_weight
        self._expect(k >= 1, f"critic_steps is {k}", "1 or more")
        self._expect(weight >= 0, f"gp_weight is {weight}", "0 or more")
        known = self.latent in ("normal", "uniform")
        latent = f"latent is {self.latent!r}"
        self._expect(known, latent, "'normal' or 'uniform'")

    def _expect(self, holds, received, expected):
        if not holds:
            raise ValueError(f"{received}; expected {expected}")


keras.saving.register_keras_serializable("gan_lib")(WGANGP)
