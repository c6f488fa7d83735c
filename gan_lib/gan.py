"""The generative adversarial network of Goodfellow et al. 2014."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class GAN(keras.Model):
    """A generator G and a discriminator D that train against each other.

    Algorithm 1 of Goodfellow et al. 2014, "Generative Adversarial Nets"
    (arXiv:1406.2661). A batch of `fit` is one round of it, and holds the real
    examples of all steps: k * m of them, k being discriminator_steps.

        for each of k steps:
            x = m real examples, z = m latent vectors
            D descends -(mean log D(x) + mean log(1 - D(G(z)))) / 2
        z = m latent vectors
        G descends -mean log D(G(z))

    D's loss is -V(D, G) / 2, and ln 2 where D = 1/2. (The paper ascends V: the
    same direction, twice as steep.) G's loss is the non-saturating one of its
    section 3. Labels and weights that a data set has beside its examples are
    passed over. `evaluate` and `fit(validation_data=...)` measure the losses
    on held-out examples.

    Args:
        generator: Keras model, latent vectors (batch, latent_dim) to examples
            (batch, ...).
        discriminator: Keras model, examples (batch, ...) to logits (batch, 1),
            without a sigmoid.
        discriminator_steps: k.
        saturating: whether G descends mean log(1 - D(G(z))), as Algorithm 1
            is written.
        label_smoothing: in [0, 1). D's target for real examples is 1 less
            this, for generated ones 0 (Salimans et al. 2016, section 3.4).
        latent: "normal" for N(0, 1) or "uniform" for U[-1, 1), each number of
            a latent vector.
        seed: integer; None draws one. With the same initial weights and
            batches it gives the same run, but for what `fit` shuffles and
            Dropout draws (see `keras.utils.set_random_seed`).

    Raises:
        ValueError: where a network or an option does not fit; from `fit`, where
            the data are not floats of D's input shape, where all batches are
            known to be smaller than k, or where an array is NaN, beyond the
            range of G's last activation, or in [0, 1] where that is [-1, 1].
        tf.errors.InvalidArgumentError: from `fit` with a data set and from
            `evaluate`, where the data are NaN or beyond that range.
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
        self.generator = generator
        self.discriminator = discriminator
        self.discriminator_steps = discriminator_steps
        self.saturating = saturating
        self.label_smoothing = label_smoothing
        self.latent = latent
        self._check_arguments()
        self.latent_dim = generator.input_shape[-1]
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.discriminator_loss = keras.metrics.Mean("discriminator_loss")
        self.generator_loss = keras.metrics.Mean("generator_loss")
        self.built = True

    def compile(self, generator_optimizer, discriminator_optimizer, **kwargs):
        """Sets both optimizers; their learning rates may be schedules."""
        super().compile(optimizer=None, **kwargs)
        self.generator_optimizer = self._optimizer(
            generator_optimizer, self.generator
        )
        self.discriminator_optimizer = self._optimizer(
            discriminator_optimizer, self.discriminator
        )

    def train_step(self, data):
        real = self._real_examples(data)
        n, k = tf.shape(real)[0], self.discriminator_steps
        for step in range(k):
            # of 15 examples and k = 5, step 1 takes rows 1, 6 and 11;
            # a last batch of fewer than k is used over again
            self.update_discriminator(real[step % n :: k])
        self.update_generator(tf.maximum(n // k, 1))
        return self.get_metrics_result()

    def update_discriminator(self, real):
        """One step of D on a minibatch of real examples; G's weights stay."""
        latent = self.draw_latent(tf.shape(real)[0])
        generated = self.generator(latent, training=True)
        with tf.GradientTape() as tape:
            loss = self.compute_discriminator_loss(real, generated)
        self._descend(
            tape,
            loss,
            self.discriminator,
            self.discriminator_optimizer,
        )

    def update_generator(self, n):
        """One step of G on n latent vectors; D's weights stay."""
        latent = self.draw_latent(n)
        with tf.GradientTape() as tape:
            generated = self.generator(latent, training=True)
            loss = self.compute_generator_loss(generated)
        self._descend(tape, loss, self.generator, self.generator_optimizer)

    def compute_discriminator_loss(self, real, generated, training=True):
        """Cross-entropy of D: target 1 for real, 0 for generated examples."""
        on_real = self.discriminator(real, training=training)
        on_generated = self.discriminator(generated, training=training)
        loss = self.cross_entropy(1.0 - self.label_smoothing, on_real)
        loss = (loss + self.cross_entropy(0.0, on_generated)) / 2
        self.discriminator_loss.update_state(loss)
        return loss

    def compute_generator_loss(self, generated, training=True):
        """Cross-entropy of D with target 1 for generated examples."""
        logits = self.discriminator(generated, training=training)
        target, sign = (0.0, -1.0) if self.saturating else (1.0, 1.0)
        loss = sign * self.cross_entropy(target, logits)
        self.generator_loss.update_state(loss)
        return loss

    def cross_entropy(self, target, logits):
        """Binary cross-entropy of logits with one target, the batch's mean."""
        logits = tf.cast(logits, tf.float32)
        target = tf.fill(tf.shape(logits), target)
        return tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(target, logits)
        )

    def test_step(self, data):
        """The losses on held-out examples; no weight or random state moves."""
        real = self._real_examples(data)
        # other latent vectors for each batch, the same in each evaluation
        batch = tf.cast(self.generator_loss.count, tf.int32)
        latent = self.draw_latent(tf.shape(real)[0], seed=batch)
        generated = self.generator(latent, training=False)
        self.compute_discriminator_loss(real, generated, training=False)
        self.compute_generator_loss(generated, training=False)
        return self.get_metrics_result()

    @property
    def metrics(self):
        return [self.discriminator_loss, self.generator_loss]

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
        own = ["generator", "discriminator", "discriminator_steps", "latent"]
        own += ["saturating", "label_smoothing"]
        config = {name: getattr(self, name) for name in own}
        config |= self.seed_generator.get_config() | super().get_config()
        return keras.saving.serialize_keras_object(config)

    @classmethod
    def from_config(cls, config):
        return cls(**keras.saving.deserialize_keras_object(config))

    def get_compile_config(self):
        names = ["generator_optimizer", "discriminator_optimizer"]
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
        shape, k = self.discriminator.input_shape, self.discriminator_steps
        fits = tf.is_tensor(real) and real.shape.is_compatible_with(shape)
        self._expect(fits, f"received {real}", f"one array {shape}")
        kind, n = real.dtype, real.shape[0]
        self._expect(kind.is_floating, f"received {kind.name}", "floats")
        few = f"received a batch of {n}"
        self._expect(
            n is None or n >= k, few, f"discriminator_steps={k} or more"
        )
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
        for name in ("generator", "discriminator"):
            network = getattr(self, name)
            built = hasattr(network, "input_shape")
            expected = "a Keras model that starts with keras.Input"
            self._expect(built, f"{name} is {network!r}", expected)
        made = self.generator.output_shape
        taken = self.discriminator.input_shape
        self._expect(made[1:] == taken[1:], f"generator makes {made}", taken)
        logits = self.discriminator.output_shape
        self._expect(logits == (None, 1), f"logits are {logits}", "(None, 1)")
        low, high = self._range(self.discriminator)
        ends = f"discriminator ends between {low:g} and {high:g}"
        expected = "logits without bounds: leave out its last activation"
        self._expect(high - low > 10, ends, expected)
        k, s = self.discriminator_steps, self.label_smoothing
        self._expect(k >= 1, f"discriminator_steps is {k}", "1 or more")
        self._expect(0 <= s < 1, f"label_smoothing is {s}", "0 to below 1")
        known = self.latent in ("normal", "uniform")
        latent = f"latent is {self.latent!r}"
        self._expect(known, latent, "'normal' or 'uniform'")

    def _expect(self, holds, received, expected):
        if not holds:
            raise ValueError(f"{received}; expected {expected}")


keras.saving.register_keras_serializable("gan_lib")(GAN)
