"""Training techniques for GANs, each as one Keras part that goes with `GAN` and
with a model of your own.

Five are from Salimans et al. 2016, "Improved Techniques for Training GANs"
(arXiv:1606.03498). Instance noise is from Sonderby et al. 2017, "Amortised MAP
Inference for Image Super-resolution" (arXiv:1610.04490).

Keras has to be told of these classes where it loads or clones a model that
holds one: `load_model(path, custom_objects={"InstanceNoise": InstanceNoise})`,
or `with keras.saving.custom_object_scope(...)`.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def feature_matching_loss(real_features, generated_features):
    """Squared distance of the mean features of real and of generated examples:
    a loss for the generator.

    Salimans et al. 2016, section 3.1: || E f(x) - E f(G(z)) ||^2, the mean over
    each batch in place of E, and f a hidden layer of the discriminator, which
    itself trains as before. (The authors' code for CIFAR-10 takes the mean
    absolute difference instead.) The features are those of
    `keras.Model(discriminator.inputs[0], discriminator.layers[-2].output)`,
    where that is the last hidden layer.

    Args:
        real_features: float tensor (batch, ...), f of real examples.
        generated_features: float tensor (batch, ...), f of generated examples.
            The two batches may differ in size.

    Returns:
        float32 scalar, 0 or more, in squared units of the features; 0 where the
        means are equal.

    Raises:
        ValueError: if the features of the two differ in shape.
    """
    real_features, generated_features = (
        tf.cast(features, tf.float32)
        for features in (real_features, generated_features)
    )
    if not real_features.shape[1:].is_compatible_with(
        generated_features.shape[1:]
    ):
        raise ValueError(
            f"received features of shapes {real_features.shape} and "
            f"{generated_features.shape}; "
            "expected one shape, but for the size of the batch"
        )
    real_mean, generated_mean = (
        tf.reduce_mean(features, axis=0)
        for features in (real_features, generated_features)
    )
    return tf.reduce_sum(tf.square(real_mean - generated_mean))


class MinibatchDiscrimination(layers.Layer):
    """Tells each example of a batch how close the others are, so that a
    discriminator sees a lack of variety.

    Salimans et al. 2016, section 3.2. With M_i the matrix of `kernels` rows and
    `kernel_dim` columns that a learnt tensor T makes of the features of example
    i, row b gives one number more,

        o_b(x_i) = sum over the other examples j of exp(-||M_ib - M_jb||_1).

    (The paper's formula also counts j = i, which adds 1 to all. The authors'
    code leaves it out, as here; it also scales the distances by those of a
    first batch.) Put the layer near the end of the discriminator, and give it
    real and generated examples in separate batches, as `GAN` does: each batch
    is compared with itself only.

    The numbers depend on the batch, in inference as in training, and grow with
    its size: judge examples in batches of the size of those in training. An
    example alone gets zeros. Time grows with batch^2 * kernels * kernel_dim,
    and so does memory in training: 131 MB and more for 256 examples at the
    default sizes, which are the authors' for CIFAR-10. In inference, memory
    grows with batch^2 * kernels.

    Args:
        kernels: B of the paper, how many numbers each example gets.
        kernel_dim: C of the paper, how many numbers each distance is taken
            over.
        kernel_initializer: initializer of T, a matrix (features, kernels *
            kernel_dim).

    Input shape:
        (batch, features).

    Output shape:
        (batch, features + kernels): the input, followed by o.

    Raises:
        ValueError: if a size is below 1, or the inputs are not (batch,
            features).
    """

    def __init__(
        self,
        kernels=100,
        kernel_dim=5,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if kernels < 1 or kernel_dim < 1:
            raise ValueError(
                f"received kernels={kernels} and kernel_dim={kernel_dim}; "
                "expected 1 or more of both"
            )
        self.kernels = kernels
        self.kernel_dim = kernel_dim
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        if len(input_shape) != 2:
            raise ValueError(
                f"received inputs of shape {tuple(input_shape)}; expected "
                "(batch, features), such as after Flatten"
            )
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.kernels * self.kernel_dim),
            initializer=self.kernel_initializer,
            name="kernel",
        )

    def call(self, inputs):
        matrices = tf.cast(
            tf.matmul(inputs, self.kernel), tf.float32
        )  # sums need the digits
        matrices = tf.reshape(
            tf.transpose(matrices), (self.kernels, self.kernel_dim, -1)
        )
        # one column of all matrices after the other, with the batch last: less
        # memory, and twice as fast
        columns = tf.unstack(matrices, axis=1)
        distances = sum(
            tf.abs(column[:, :, None] - column[:, None]) for column in columns
        )
        # each example's distance to itself is 0 and counts 1: taken off again
        closeness = tf.transpose(
            tf.reduce_sum(tf.exp(-distances), axis=-1) - 1.0
        )
        return tf.concat([inputs, tf.cast(closeness, inputs.dtype)], axis=-1)

    def get_config(self):
        config = {
            "kernels": self.kernels,
            "kernel_dim": self.kernel_dim,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }
        return {**super().get_config(), **config}


class HistoricalAveraging:
    """Historical averaging for any Keras optimizer: the weights are drawn to
    the mean of all their past values.

    Salimans et al. 2016, section 3.3: a player's loss gets || theta - 1/t
    (theta[1] + ... + theta[t]) ||^2 more, where theta[i] are its weights at
    step i. Here the mean includes the present weights, theta[t], so that the
    first step has a mean too. The mean is a running one. In the gradient, 2
    (theta - mean), it counts as given.

    Put this class before that of an optimizer, and use the result as any
    optimizer, one for each player:

        class AveragingAdam(HistoricalAveraging, keras.optimizers.Adam):
            pass

        gan.compile(
            AveragingAdam(1e-3, averaging_weight=0.01),
            AveragingAdam(1e-3, averaging_weight=0.01),
        )

    The mean and the number of steps are variables of the optimizer, and are
    saved with it. What the optimizer clips is the gradient of the loss, without
    that of the penalty.

    Args:
        *args: those of the optimizer.
        averaging_weight: factor of the penalty, 0 or more; the paper's formula
            has 1.
        **kwargs: those of the optimizer.

    Raises:
        ValueError: if the weight is below 0.
    """

    def __init__(self, *args, averaging_weight=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        if not averaging_weight >= 0:
            raise ValueError(
                f"averaging_weight is {averaging_weight}; expected a number "
                "of 0 or more"
            )
        self.averaging_weight = averaging_weight

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.means = self.add_optimizer_variables(variables, "mean")

    def update_step(self, gradient, variable, learning_rate):
        mean = self.means[self._get_variable_index(variable)]
        step = tf.cast(self.iterations + 1, variable.dtype)
        self.assign_add(mean, (variable - mean) / step)
        gradient += 2.0 * self.averaging_weight * (variable - mean)
        super().update_step(gradient, variable, learning_rate)

    def penalty(self):
        """Returns averaging_weight * || theta - mean ||^2 over all variables
        together, a scalar."""
        pairs = zip(self._trainable_variables, self.means, strict=True)
        return self.averaging_weight * sum(
            tf.reduce_sum((v - mean) ** 2) for v, mean in pairs
        )

    def get_config(self):
        return {
            **super().get_config(),
            "averaging_weight": self.averaging_weight,
        }


class OneSidedBinaryCrossentropy(keras.losses.Loss):
    """Binary cross-entropy of logits with one-sided label smoothing: label 1
    becomes 0.9, label 0 stays 0.

    Salimans et al. 2016, section 3.4. The best discriminator is then 0.9 p / (p
    + q) for real examples of density p and generated ones of density q. (The
    `label_smoothing` of Keras's own loss moves both labels.) This is for a
    discriminator of your own; `GAN(label_smoothing=0.1)` does the same.

    Args:
        label_smoothing: in [0, 1); label 1 becomes 1 - label_smoothing.
        name, **kwargs: those of `keras.losses.Loss`.

    Call arguments:
        y_true: labels 0 and 1, (batch, 1) or (batch,).
        y_pred: logits (batch, 1).

    Raises:
        ValueError: if label_smoothing is out of range.
    """

    def __init__(
        self,
        label_smoothing=0.1,
        name="one_sided_binary_crossentropy",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"label_smoothing is {label_smoothing}; expected a number in "
                "[0, 1)"
            )
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        labels = tf.reshape(y_true, tf.shape(y_pred)) * (
            1.0 - self.label_smoothing
        )
        return keras.losses.binary_crossentropy(
            labels, y_pred, from_logits=True
        )

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


class VirtualBatchNormalization(layers.Layer):
    """Normalises each example by a fixed reference batch and itself, not by the
    other examples of its batch.

    Salimans et al. 2016, section 3.5. Mean and variance of each channel are
    those of the n reference examples and the example itself together, the
    example at weight 1 / (n + 1). The reference examples are normalised with
    their own statistics only. So an example's output is the same whatever else
    is in its batch, in inference as in training, and there are no moving
    averages.

    The last `reference_size` rows of the inputs must be the reference batch as
    it comes out of the layers before. `ReferenceBatch`, around the whole
    network, sees to that.

    Args:
        reference_size: n, the number of examples in the reference batch.
        epsilon: added to the variance.

    Input shape:
        (batch + reference_size, ..., channels).

    Output shape:
        that of the input.

    Raises:
        ValueError: if reference_size is below 1.
    """

    def __init__(self, reference_size, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        if reference_size < 1:
            raise ValueError(
                f"reference_size is {reference_size}; expected 1 example or "
                "more"
            )
        self.reference_size = reference_size
        self.epsilon = epsilon

    def build(self, input_shape):
        channels = (input_shape[-1],)
        self.gamma = self.add_weight(
            shape=channels, initializer="ones", name="gamma"
        )
        self.beta = self.add_weight(
            shape=channels, initializer="zeros", name="beta"
        )

    def call(self, inputs):
        x = tf.cast(inputs, tf.float32)  # statistics need the digits
        examples, reference = (
            x[: -self.reference_size],
            x[-self.reference_size :],
        )
        axes = list(
            range(1, x.shape.rank - 1)
        )  # the places of an image, if it is one
        mean, variance = tf.nn.moments(reference, [0, *axes])
        # from here on, values are differences from the reference's mean: small
        # numbers lose no digits
        examples, reference = examples - mean, reference - mean
        weight = 1.0 / (self.reference_size + 1)
        own_mean = weight * tf.reduce_mean(examples, axes, keepdims=True)
        own_variance = (
            (1.0 - weight) * variance
            + weight * tf.reduce_mean(tf.square(examples), axes, keepdims=True)
            - tf.square(own_mean)
        )
        examples = (examples - own_mean) * tf.math.rsqrt(
            own_variance + self.epsilon
        )
        reference = reference * tf.math.rsqrt(variance + self.epsilon)
        outputs = tf.concat([examples, reference], axis=0)
        return tf.cast(outputs, inputs.dtype) * self.gamma + self.beta

    def get_config(self):
        config = {
            "reference_size": self.reference_size,
            "epsilon": self.epsilon,
        }
        return {**super().get_config(), **config}


class ReferenceBatch(layers.Wrapper):
    """Runs a network on each batch together with a fixed reference batch, for
    `VirtualBatchNormalization` inside it.

    The reference goes through the network below the rows of the batch, so that
    each layer has its activations, and is cut off at the end. Gradients flow
    through it too. For a discriminator the reference is a batch of real
    examples, for a generator a batch of latent vectors; choose it once, before
    training (Salimans et al. 2016, section 3.5):

        network = keras.Sequential(
            [layers.Dense(64), VirtualBatchNormalization(32), layers.Dense(1)]
        )
        discriminator = keras.Sequential(
            [keras.Input((2,)), ReferenceBatch(network, points[:32])]
        )

    The reference is saved with the weights, and in the configuration. Each call
    costs reference_size examples more.

    Args:
        layer: Keras model or layer, examples (batch, ...) to outputs (batch,
            ...).
        reference: float array (reference_size, ...) of examples.

    Input shape:
        (batch, ...), any number of examples.

    Output shape:
        that of the layer.

    Raises:
        ValueError: if the reference is not a batch of examples of the input
            shape, or one of `layer.layers` expects another reference_size
            (layers inside of those, and `layer` itself, are not looked at).
    """

    def __init__(self, layer, reference, **kwargs):
        super().__init__(layer, **kwargs)
        reference = np.asarray(reference, np.float32)
        if reference.ndim < 2 or not len(reference):
            raise ValueError(
                f"received a reference of shape {reference.shape}; expected "
                "(reference_size, ...)"
            )
        for inner in getattr(layer, "layers", []):
            size = getattr(inner, "reference_size", len(reference))
            if size != len(reference):
                raise ValueError(
                    f"received {len(reference)} reference examples; expected "
                    f"{size}, as {inner.name} was made for"
                )
        self.reference = self.add_weight(
            shape=reference.shape,
            initializer=keras.initializers.Constant(reference),
            trainable=False,
            name="reference",
        )

    def build(self, input_shape):
        if tuple(input_shape[1:]) != tuple(self.reference.shape[1:]):
            raise ValueError(
                f"received inputs of shape {tuple(input_shape)}; expected "
                "(batch, ...) of examples as in the "
                f"reference batch, {tuple(self.reference.shape)}"
            )
        super().build(input_shape)

    def call(self, inputs):
        outputs = self.layer(tf.concat([inputs, self.reference], axis=0))
        return outputs[: -self.reference.shape[0]]

    def get_config(self):
        return {
            **super().get_config(),
            "reference": self.reference.numpy().tolist(),
        }


class InstanceNoise(layers.Layer):
    """Adds normal noise to a discriminator's inputs while it trains, less and
    less of it: put it first.

    Sonderby et al. 2017 (arXiv:1610.04490), and section 3 of Arjovsky and
    Bottou 2017 (arXiv:1701.04862): with noise on real and generated examples
    alike, their distributions overlap, and no discriminator is perfect. The
    noise is there in the discriminator's step and in the generator's, and not
    in inference.

    The standard deviation falls linearly to 0 with the number of calls in
    training mode, which is saved with the weights. A training step of `GAN`
    makes 2 * discriminator_steps + 1 calls: for each step of the discriminator
    one on real and one on generated examples, and one for the generator.

    Args:
        stddev: standard deviation at the first call, in units of the inputs.
        annealing_calls: after how many calls in training mode the noise is
            gone; None keeps it as it is.
        seed: integer; None draws one.

    Input shape:
        any, float.

    Output shape:
        that of the input.

    Raises:
        ValueError: if stddev is below 0 or annealing_calls below 1.
    """

    def __init__(self, stddev=0.1, annealing_calls=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not stddev >= 0 or (
            annealing_calls is not None and annealing_calls < 1
        ):
            raise ValueError(
                f"received stddev={stddev} and "
                f"annealing_calls={annealing_calls}; "
                "expected a number of 0 or more, and None or 1 or more"
            )
        self.stddev = stddev
        self.annealing_calls = annealing_calls
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.calls = self.add_weight(
            shape=(),
            initializer="zeros",
            dtype="int64",
            trainable=False,
            aggregation="only_first_replica",
            name="calls",
        )

    def current_stddev(self):
        """Returns the standard deviation of the noise in the next call in
        training mode, a float32 scalar."""
        if self.annealing_calls is None:
            return tf.constant(self.stddev, tf.float32)
        done = tf.cast(self.calls, tf.float32) / self.annealing_calls
        return self.stddev * tf.maximum(1.0 - done, 0.0)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        # each replica of a strategy draws its own
        seed = tf.random.experimental.stateless_fold_in(
            self.seed_generator.next(),
            tf.distribute.get_replica_context().replica_id_in_sync_group,
        )
        noise = tf.random.stateless_normal(
            tf.shape(inputs), seed, dtype=inputs.dtype
        )
        outputs = inputs + tf.cast(self.current_stddev(), inputs.dtype) * noise
        self.calls.assign_add(1)
        return outputs

    def get_config(self):
        config = {
            "stddev": self.stddev,
            "annealing_calls": self.annealing_calls,
            "seed": self.seed,
        }
        return {**super().get_config(), **config}
