"""The training techniques against numpy, closed forms and games solved by hand; alone, and all at once in a GAN."""

from gan_lib import networks, techniques
from gan_lib.gan import GAN
from gan_lib.techniques import (
    HistoricalAveraging,
    InstanceNoise,
    MinibatchDiscrimination,
    OneSidedBinaryCrossentropy,
    ReferenceBatch,
    VirtualBatchNormalization,
    feature_matching_loss,
)

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from keras import layers
from small_models import IMAGES, assert_same_run, everything, linear_networks

CUSTOM_OBJECTS = {
    name: each
    for name, each in vars(techniques).items()
    if isinstance(each, type)
}


class AveragingSGD(HistoricalAveraging, keras.optimizers.SGD):
    pass


class AveragingAdam(HistoricalAveraging, keras.optimizers.Adam):
    pass


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def saved_and_loaded(model, path):
    model.save(path / "model.keras")
    return keras.models.load_model(
        path / "model.keras", custom_objects=CUSTOM_OBJECTS
    )


# feature matching


def test_feature_matching_is_the_squared_distance_of_the_means():
    real, generated = normal(7, 3, 4), normal(5, 3, 4, seed=1) + 2.0
    loss = feature_matching_loss(real, generated)
    assert loss.shape == () and loss.dtype == tf.float32
    exact = np.sum((real.mean(axis=0) - generated.mean(axis=0)) ** 2)
    assert float(loss) == pytest.approx(exact, rel=1e-5)
    # other examples with equal means: nothing to do
    mirrored = 2 * generated.mean(axis=0) - generated
    assert float(feature_matching_loss(generated, mirrored)) == pytest.approx(
        0, abs=1e-9
    )
    with pytest.raises(ValueError, match=r"\(7, 3, 4\) and \(7, 3\)"):
        feature_matching_loss(real, real[..., 0])


class FeatureMatchingGAN(GAN):
    """As chapter 05 writes it: the generator's loss is the distance of the means on the last hidden layer."""

    def update_discriminator(self, real):
        super().update_discriminator(real)
        self.real = real

    def update_generator(self, n):
        hidden = keras.Model(
            self.discriminator.inputs[0], self.discriminator.layers[-2].output
        )
        latent = self.draw_latent(n)
        with tf.GradientTape() as tape:
            generated = hidden(
                self.generator(latent, training=True), training=True
            )
            loss = feature_matching_loss(
                hidden(self.real, training=True), generated
            )
        self._descend(tape, loss, self.generator, self.generator_optimizer)
        self.generator_loss.update_state(loss)


def test_feature_matching_in_a_gan_equals_hand_computation():
    real, matrix, point = (
        normal(6, 2),
        np.array([[1.0, 2.0], [0.5, -1.0]]),
        np.array([0.4, 1.1]),
    )
    generator, _ = linear_networks([0.0, 0.0], 0.0, point)
    discriminator = keras.Sequential(
        [keras.Input((2,)), layers.Dense(2), layers.Dense(1)]
    )
    discriminator.layers[0].kernel.assign(matrix)
    gan = FeatureMatchingGAN(generator, discriminator)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.0))
    logs = gan.train_on_batch(real, return_dict=True)
    difference = (point - real.mean(axis=0)) @ matrix
    assert logs["generator_loss"] == pytest.approx(
        np.sum(difference**2), rel=1e-5
    )
    np.testing.assert_allclose(
        generator.layers[0].bias,
        point - 0.1 * 2 * matrix @ difference,
        rtol=1e-5,
    )


# minibatch discrimination


def closeness_by_loops(inputs, kernel, kernels, kernel_dim):
    matrices = (inputs.astype("float64") @ kernel).reshape(
        len(inputs), kernels, kernel_dim
    )
    closeness = np.zeros((len(inputs), kernels))
    for i in range(len(inputs)):
        for j in range(len(inputs)):
            if i != j:
                closeness[i] += np.exp(
                    -np.abs(matrices[i] - matrices[j]).sum(axis=1)
                )
    return closeness


@pytest.mark.parametrize("n", [1, 2, 9])
def test_minibatch_discrimination_equals_a_double_loop(n):
    inputs, layer = normal(n, 6), MinibatchDiscrimination(4, 3)
    outputs = layer(inputs).numpy()
    assert outputs.shape == (n, 10)
    np.testing.assert_array_equal(outputs[:, :6], inputs)
    exact = closeness_by_loops(inputs, layer.kernel.numpy(), 4, 3)
    np.testing.assert_allclose(outputs[:, 6:], exact, atol=1e-6)
    np.testing.assert_array_equal(outputs, layer(inputs, training=True))


def test_minibatch_discrimination_sees_collapse_and_not_the_order():
    layer = MinibatchDiscrimination(5, 2)
    one_point = layer(np.tile(normal(1, 3), (8, 1))).numpy()[:, 3:]
    np.testing.assert_allclose(
        one_point, 7.0, atol=1e-5
    )  # seven others, each at distance 0
    far_apart = layer(1e4 * normal(8, 3)).numpy()[:, 3:]
    np.testing.assert_allclose(far_apart, 0.0, atol=1e-5)
    inputs, order = normal(20, 3), np.random.default_rng(1).permutation(20)
    np.testing.assert_allclose(
        layer(inputs[order]), layer(inputs).numpy()[order], atol=1e-5
    )


def test_gradient_of_minibatch_discrimination():
    inputs, layer = tf.constant(normal(5, 3)), MinibatchDiscrimination(2, 3)
    layer.build((None, 3))
    kernel = layer.kernel.numpy().astype("float64")
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        total = tf.reduce_sum(layer(inputs)[:, 3:] ** 2)
    gradient = tape.gradient(total, inputs).numpy()
    for place in np.ndindex(5, 3):
        step = np.zeros((5, 3))
        step[place] = 1e-6
        up, down = (
            np.sum(
                closeness_by_loops(inputs.numpy() + sign * step, kernel, 2, 3)
                ** 2
            )
            for sign in (1, -1)
        )
        assert gradient[place] == pytest.approx((up - down) / 2e-6, abs=1e-4)


def test_gan_compares_real_and_generated_examples_among_themselves():
    seen = []

    class Recording(MinibatchDiscrimination):
        def call(self, inputs):
            seen.append(inputs)
            return super().call(inputs)

    generator, _ = linear_networks([0.0, 0.0], 0.0, [9.0, 9.0])
    network = [keras.Input((2,)), Recording(2, 2), layers.Dense(1)]
    gan = GAN(generator, keras.Sequential(network))
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    seen.clear()
    gan.update_discriminator(tf.constant(normal(6, 2)))
    gan.update_generator(5)
    assert [len(inputs) for inputs in seen] == [6, 6, 5]
    assert [np.mean(inputs == 9.0) for inputs in seen] == [0, 1, 1]


def test_minibatch_discrimination_refuses_images_and_no_kernels():
    with pytest.raises(
        ValueError, match=r"\(None, 8, 8, 1\); expected \(batch, features\)"
    ):
        keras.Sequential([keras.Input((8, 8, 1)), MinibatchDiscrimination()])
    for sizes in [(0, 5), (5, 0)]:
        with pytest.raises(
            ValueError, match=f"kernels={sizes[0]} and kernel_dim={sizes[1]}"
        ):
            MinibatchDiscrimination(*sizes)


# historical averaging


def steps_by_hand(theta, gradient, weight, rate, steps):
    """Gradient descent on loss + weight * |theta - mean|^2 in numpy, from the list of all past values."""
    history = []
    for _ in range(steps):
        history.append(theta)
        mean = np.mean(history, axis=0)
        theta = theta - rate * (gradient(theta) + 2 * weight * (theta - mean))
    return theta, mean


def test_historical_averaging_equals_hand_computation():
    centres = [np.array([1.0, -2.0]), np.array([[3.0]])]
    variables = [keras.Variable([4.0, 5.0]), keras.Variable([[-1.0]])]
    start = [variable.numpy() for variable in variables]
    optimizer = AveragingSGD(0.1, averaging_weight=0.7)
    for _ in range(6):
        gradients = [
            2 * (v.value - c) for v, c in zip(variables, centres, strict=True)
        ]
        optimizer.apply(gradients, variables)
    penalty = 0.0
    for theta, centre, variable, kept in zip(
        start, centres, variables, optimizer.means, strict=True
    ):
        exact, mean = steps_by_hand(
            theta, lambda t, c=centre: 2 * (t - c), 0.7, 0.1, 6
        )
        np.testing.assert_allclose(variable, exact, rtol=1e-5)
        np.testing.assert_allclose(kept, mean, rtol=1e-5)
        penalty += 0.7 * np.sum((exact - mean) ** 2)
    assert float(optimizer.penalty()) == pytest.approx(penalty, rel=1e-5)


def test_pull_to_the_mean_is_the_gradient_of_the_penalty():
    variable = keras.Variable([4.0, 5.0])
    optimizer = AveragingSGD(0.1, averaging_weight=0.7)
    for _ in range(3):
        optimizer.apply([tf.constant([1.0, -2.0])], [variable])
    with tf.GradientTape() as tape:
        penalty = optimizer.penalty()
    pull = tape.gradient(penalty, variable.value)
    mean, before = optimizer.means[0].numpy(), variable.numpy()
    np.testing.assert_allclose(pull, 2 * 0.7 * (before - mean), rtol=1e-6)
    # the next step has taken the present value into the mean: 3/4 of the distance is left
    optimizer.apply([tf.zeros(2)], [variable])
    np.testing.assert_allclose(
        variable, before - 0.1 * 0.75 * pull.numpy(), rtol=1e-6
    )


def test_historical_averaging_goes_through_adam():
    beta_1, beta_2, rate, weight, epsilon = 0.5, 0.9, 0.1, 0.3, 1e-7
    variable = keras.Variable([4.0])
    optimizer = AveragingAdam(rate, beta_1, beta_2, averaging_weight=weight)
    theta, first, second, history = 4.0, 0.0, 0.0, []
    for step in range(1, 6):
        optimizer.apply([2 * variable.value], [variable])
        history.append(theta)
        gradient = 2 * theta + 2 * weight * (theta - np.mean(history))
        first = beta_1 * first + (1 - beta_1) * gradient
        second = beta_2 * second + (1 - beta_2) * gradient**2
        scale = np.sqrt(second / (1 - beta_2**step)) + epsilon
        theta -= rate * first / (1 - beta_1**step) / scale
    assert float(variable[0]) == pytest.approx(theta, rel=1e-5)


def play_xy(weight, rate, steps):
    """Distances from (0, 0) in the game min_x max_y xy, both players moving at once."""
    x, y = keras.Variable([1.0]), keras.Variable([0.0])
    players = [AveragingSGD(rate, averaging_weight=weight) for _ in range(2)]
    for player, variable in zip(players, (x, y), strict=True):
        player.build([variable])

    @tf.function
    def play(rounds):
        for _ in tf.range(rounds):
            gradients = tf.identity(y.value), -tf.identity(x.value)
            players[0].apply([gradients[0]], [x])
            players[1].apply([gradients[1]], [y])
        return tf.sqrt(tf.reduce_sum(x.value**2 + y.value**2))

    done, distances = 0, []
    for step in steps:
        distances.append(float(play(tf.constant(step - done))))
        done = step
    return np.array(distances)


def test_xy_game_leaves_the_solution_without_averaging():
    np.testing.assert_allclose(
        play_xy(0.0, 0.1, [200]), (1 + 0.1**2) ** (200 / 2), rtol=1e-4
    )


@pytest.mark.parametrize("weight", [0.25, 0.5])
def test_xy_game_converges_with_averaging_at_its_power_of_time(weight):
    # The players settle where the pull to the mean m holds them. m then shrinks by dm/dt = -(1 - A) m / t, where the
    # eigenvalues of A have the real part 4 w^2 / (1 + 4 w^2): the distance falls as t to the power -1 / (1 + 4 w^2).
    steps = np.array([400, 6400])
    near, far = play_xy(weight, 0.2, steps)
    power = np.log(far / near) / np.log(steps[1] / steps[0])
    assert power == pytest.approx(-1 / (1 + 4 * weight**2), abs=0.02)
    assert far < near < 0.2


def test_historical_averaging_keeps_what_the_optimizer_does():
    schedule = keras.optimizers.schedules.PolynomialDecay(0.5, 2, 0.0)
    variable = keras.Variable([1.0])
    optimizer = AveragingSGD(schedule, averaging_weight=0.0, clipvalue=0.5)
    for _ in range(4):
        optimizer.apply([tf.constant([8.0])], [variable])
    assert float(variable[0]) == pytest.approx(1 - 0.5 * 0.5 - 0.25 * 0.5)
    copy = keras.optimizers.deserialize(
        keras.optimizers.serialize(AveragingAdam(2e-3, averaging_weight=0.3)),
        custom_objects={"AveragingAdam": AveragingAdam},
    )
    assert (copy.averaging_weight, float(copy.learning_rate)) == (
        0.3,
        pytest.approx(2e-3),
    )
    with pytest.raises(ValueError, match="averaging_weight is -1"):
        AveragingSGD(averaging_weight=-1)


def test_historical_averaging_in_a_plain_model_on_two_replicas_equals_one(
    two_replicas,
):
    def train():
        model = keras.Sequential(
            [keras.Input((2,)), layers.Dense(1, kernel_initializer="ones")]
        )
        model.compile(AveragingSGD(0.1, averaging_weight=0.7), "mse")
        model.fit(
            normal(20, 2),
            normal(20, seed=1),
            batch_size=4,
            shuffle=False,
            verbose=0,
        )
        return model.get_weights() + [
            mean.numpy() for mean in model.optimizer.means
        ]

    one = train()
    with two_replicas.scope():
        two = train()
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


# one-sided label smoothing


def test_one_sided_label_smoothing_equals_hand_computation():
    labels, logits = (
        np.array([[1.0], [0.0], [1.0]]),
        np.array([[0.3], [2.0], [-1.0]]),
    )
    probability = 1 / (1 + np.exp(-logits))
    smooth = np.array([[0.8], [0.0], [0.8]])
    exact = -np.mean(
        smooth * np.log(probability) + (1 - smooth) * np.log(1 - probability)
    )
    loss = OneSidedBinaryCrossentropy(0.2)
    assert float(loss(labels, logits)) == pytest.approx(exact, rel=1e-5)
    copy = OneSidedBinaryCrossentropy.from_config(loss.get_config())
    assert float(copy(labels[:, 0], logits)) == pytest.approx(exact, rel=1e-5)
    with pytest.raises(ValueError, match="label_smoothing is 1"):
        OneSidedBinaryCrossentropy(1.0)


def trained_discriminator(loss, p, q):
    """D over some places, trained on real examples with probabilities p and on generated ones with q."""
    keras.utils.set_random_seed(0)
    places = np.eye(len(p), dtype="float32")
    discriminator = keras.Sequential(
        [keras.Input((len(p),)), layers.Dense(1, use_bias=False)]
    )
    discriminator.compile(
        keras.optimizers.Adam(0.1), loss, steps_per_execution=100
    )
    labels = np.repeat([[1.0], [0.0]], len(p), axis=0)
    examples = (
        np.concatenate([places, places]),
        labels,
        np.concatenate([p, q]),
    )
    dataset = tf.data.Dataset.from_tensors(examples).repeat()
    discriminator.fit(dataset, steps_per_epoch=600, shuffle=False, verbose=0)
    return tf.sigmoid(discriminator(places)).numpy()[:, 0]


def test_a_trained_discriminator_reaches_the_optimum_of_one_sided_smoothing():
    p, q = np.array([0.4, 0.3, 0.1, 0.2]), np.array([0.1, 0.3, 0.6, 0.0])
    one_sided = trained_discriminator(OneSidedBinaryCrossentropy(0.1), p, q)
    np.testing.assert_allclose(one_sided, 0.9 * p / (p + q), atol=2e-3)
    both_sided = trained_discriminator(
        keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        p,
        q,
    )
    np.testing.assert_allclose(
        both_sided, (0.95 * p + 0.05 * q) / (p + q), atol=2e-3
    )


# virtual batch normalisation


def normalised_one_by_one(examples, reference, epsilon=1e-3):
    """Each example with the mean and the variance of itself and the reference, in numpy."""
    axes = tuple(range(examples.ndim - 1))
    outputs = []
    for example in examples.astype("float64"):
        together = np.concatenate([reference, example[None]]).astype("float64")
        outputs.append(
            (example - together.mean(axes))
            / np.sqrt(together.var(axes) + epsilon)
        )
    return np.array(outputs)


@pytest.mark.parametrize("shape", [(3,), (4, 5, 2)])
@pytest.mark.parametrize("training", [False, True])
def test_virtual_batch_normalisation_equals_numpy(shape, training):
    examples, reference = (
        3 * normal(6, *shape) + 1,
        2 * normal(5, *shape, seed=1) - 1,
    )
    layer = VirtualBatchNormalization(5)
    layer.build((None, *shape))
    gamma, beta = normal(shape[-1], seed=2), normal(shape[-1], seed=3)
    layer.set_weights([gamma, beta])
    outputs = layer(np.concatenate([examples, reference]), training=training)
    exact = normalised_one_by_one(examples, reference) * gamma + beta
    np.testing.assert_allclose(outputs[:-5], exact, atol=1e-5)
    axes = tuple(range(reference.ndim - 1))
    own = (reference - reference.mean(axes)) / np.sqrt(
        reference.var(axes) + 1e-3
    ) * gamma + beta
    np.testing.assert_allclose(outputs[-5:], own, atol=1e-5)


def test_virtual_batch_normalisation_keeps_the_digits_of_values_far_from_0():
    examples, reference = normal(6, 3) + 3000, normal(5, 3, seed=1) + 3000
    outputs = VirtualBatchNormalization(5)(
        np.concatenate([examples, reference])
    )[:-5]
    np.testing.assert_allclose(
        outputs, normalised_one_by_one(examples, reference), atol=1e-3
    )


def test_gradient_flows_through_the_statistics_of_the_reference():
    examples, reference = normal(4, 2), normal(3, 2, seed=1)
    layer, rows = (
        VirtualBatchNormalization(3),
        tf.constant(np.concatenate([examples, reference])),
    )
    with tf.GradientTape() as tape:
        tape.watch(rows)
        total = tf.reduce_sum(layer(rows)[:-3] ** 3)
    gradient = tape.gradient(total, rows).numpy()[-3:]
    for place in np.ndindex(3, 2):
        step = np.zeros((3, 2))
        step[place] = 1e-6
        up, down = (
            np.sum(
                normalised_one_by_one(examples, reference + sign * step) ** 3
            )
            for sign in (1, -1)
        )
        assert gradient[place] == pytest.approx(
            (up - down) / 2e-6, rel=1e-3, abs=1e-3
        )


def image_network(seed=0):
    """Convolutions and a dense layer with virtual batch normalisation, for references of 5 examples."""
    keras.utils.set_random_seed(seed)
    network = [
        layers.Conv2D(3, 3, strides=2),
        VirtualBatchNormalization(5),
        layers.LeakyReLU(0.2),
        layers.Flatten(),
        layers.Dense(4),
        VirtualBatchNormalization(5),
        layers.Dense(1),
    ]
    reference = ReferenceBatch(
        keras.Sequential(network), IMAGES[-5:] if seed == 0 else IMAGES[:5]
    )
    return keras.Sequential([keras.Input((8, 8, 1)), reference])


@pytest.mark.parametrize("training", [False, True])
def test_an_output_does_not_depend_on_the_rest_of_the_batch(training):
    network = image_network()
    assert network.output_shape == (None, 1)
    together = network(IMAGES[:9], training=training).numpy()
    assert together.shape == (9, 1)
    for i in range(9):
        alone = network(IMAGES[i : i + 1], training=training).numpy()
        np.testing.assert_allclose(alone[0], together[i], atol=1e-6)
    np.testing.assert_allclose(
        network.predict(IMAGES, 7, verbose=0)[:9], together, atol=1e-6
    )
    assert np.ptp(together) > 0.1


def test_the_reference_goes_through_the_network_with_the_batch():
    seen = []

    class Recording(layers.Layer):
        def call(self, inputs, training=False):
            seen.append((inputs, training))
            return inputs

    layer = ReferenceBatch(Recording(), IMAGES[:5])
    outputs = layer(IMAGES[10:12], training=True)
    np.testing.assert_array_equal(outputs, IMAGES[10:12])
    np.testing.assert_array_equal(
        seen[-1][0], np.concatenate([IMAGES[10:12], IMAGES[:5]])
    )
    assert seen[-1][1] is True
    assert layer(IMAGES[:0]).shape == (0, 8, 8, 1)
    assert layer.trainable_weights == []


def test_the_reference_is_saved_with_weights_model_and_clone(tmp_path):
    network, other = image_network(), image_network(seed=1)
    outputs = network(IMAGES[:9])
    np.testing.assert_allclose(
        saved_and_loaded(network, tmp_path)(IMAGES[:9]), outputs, atol=1e-6
    )
    network.save_weights(tmp_path / "network.weights.h5")
    other.load_weights(tmp_path / "network.weights.h5")
    np.testing.assert_allclose(other(IMAGES[:9]), outputs, atol=1e-6)
    with keras.saving.custom_object_scope(CUSTOM_OBJECTS):
        clone = keras.models.clone_model(
            network
        )  # new weights, the same reference
    np.testing.assert_array_equal(
        clone.layers[0].reference, network.layers[0].reference
    )
    assert not np.isclose(clone(IMAGES[:9]), outputs).any()


def test_bad_references_are_refused():
    network = keras.Sequential([layers.Dense(2), VirtualBatchNormalization(5)])
    for reference, received in [
        (np.zeros(5), r"\(5,\)"),
        (np.zeros((0, 3)), r"\(0, 3\)"),
    ]:
        with pytest.raises(ValueError, match=f"reference of shape {received}"):
            ReferenceBatch(network, reference)
    with pytest.raises(
        ValueError, match="received 4 reference examples; expected 5"
    ):
        ReferenceBatch(network, np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"\(None, 2\).*\(5, 3\)"):
        keras.Sequential(
            [keras.Input((2,)), ReferenceBatch(network, np.zeros((5, 3)))]
        )
    with pytest.raises(ValueError, match="reference_size is 0"):
        VirtualBatchNormalization(0)


# instance noise


def test_instance_noise_falls_linearly_with_the_calls_in_training():
    layer, zeros = (
        InstanceNoise(0.5, annealing_calls=4, seed=0),
        tf.zeros((200, 100, 5, 1)),
    )
    drawn = []
    for call in range(6):
        stddev = 0.5 * max(1 - call / 4, 0)
        assert float(layer.current_stddev()) == pytest.approx(stddev)
        np.testing.assert_array_equal(
            layer(zeros), zeros
        )  # inference: no noise, no count
        noise = layer(zeros, training=True).numpy().ravel()
        assert np.std(noise) == pytest.approx(stddev, rel=0.01)
        drawn.append(noise)
    assert (
        scipy.stats.kstest(drawn[0], scipy.stats.norm(0, 0.5).cdf).pvalue > 1e-3
    )
    assert abs(np.corrcoef(drawn[0], drawn[1])[0, 1]) < 0.02
    inputs = normal(3, 2)
    np.testing.assert_array_equal(
        layer(inputs, training=True), inputs
    )  # all noise is gone


def test_instance_noise_without_annealing_stays_and_has_a_seed():
    first, again, other = (InstanceNoise(0.3, seed=seed) for seed in (1, 1, 2))
    zeros = tf.zeros((500, 20))
    for _ in range(3):
        noise = first(zeros, training=True).numpy()
        assert np.std(noise) == pytest.approx(0.3, rel=0.05)
        np.testing.assert_array_equal(noise, again(zeros, training=True))
        assert not np.isclose(noise, other(zeros, training=True)).all()


def noisy_gan(steps_per_execution=1):
    keras.utils.set_random_seed(0)
    generator, discriminator = (
        networks.dense_generator(units=(4,)),
        [keras.Input((2,))],
    )
    discriminator += [
        InstanceNoise(0.5, annealing_calls=40),
        layers.Dense(4),
        layers.Dense(1),
    ]
    gan = GAN(
        generator,
        keras.Sequential(discriminator),
        discriminator_steps=2,
        seed=0,
    )
    gan.compile("adam", "adam", steps_per_execution=steps_per_execution)
    return gan


def test_instance_noise_in_a_gan_by_step():
    runs = [noisy_gan(), noisy_gan(steps_per_execution=3)]
    for gan in runs:
        gan.fit(
            normal(60, 2), batch_size=10, shuffle=False, verbose=0
        )  # 6 steps of 5 calls
        stddev = gan.discriminator.layers[0].current_stddev()
        assert float(stddev) == pytest.approx(0.5 * (1 - 6 * 5 / 40))
    assert_same_run(*runs)


def test_instance_noise_is_saved_and_loaded(tmp_path):
    layer, zeros = (
        InstanceNoise(0.5, annealing_calls=10, seed=3),
        tf.zeros((4, 2)),
    )
    model = keras.Sequential([keras.Input((2,)), layer])
    for _ in range(3):
        model(zeros, training=True)
    loaded = saved_and_loaded(model, tmp_path)
    assert loaded.layers[0].get_config() == layer.get_config()
    assert float(loaded.layers[0].current_stddev()) == pytest.approx(0.35)
    for options in [{"stddev": -1}, {"annealing_calls": 0}]:
        with pytest.raises(ValueError, match=str(*options.values())):
            InstanceNoise(**options)


def test_replicas_draw_their_own_noise_and_count_once(two_replicas):
    with two_replicas.scope():
        layer = InstanceNoise(0.5, annealing_calls=10, seed=0)
    zeros = tf.zeros((4, 2))
    drawn = two_replicas.run(
        tf.function(lambda: layer(zeros, training=True))
    ).values
    assert len(drawn) == 2 and not np.isclose(drawn[0], drawn[1]).any()
    assert float(layer.current_stddev()) == pytest.approx(0.45)


# all at once


def full_gan(seed=1, networks_seed=0, steps_per_execution=1):
    """Every technique but feature matching, each with state of its own."""
    keras.utils.set_random_seed(networks_seed)
    latent = normal(4, 3, seed=networks_seed)
    body = [
        layers.Dense(8),
        VirtualBatchNormalization(4),
        layers.ReLU(),
        layers.Dense(64),
    ]
    generator = keras.Sequential(
        [keras.Input((3,)), ReferenceBatch(keras.Sequential(body), latent)]
    )
    generator.add(layers.Reshape((8, 8, 1), dtype="float32"))
    body = [
        layers.Flatten(),
        layers.Dense(6),
        VirtualBatchNormalization(5),
        layers.ReLU(),
    ]
    images = IMAGES[networks_seed : networks_seed + 5]
    discriminator = keras.Sequential(
        [keras.Input((8, 8, 1)), InstanceNoise(0.2, 60)]
    )
    discriminator.add(ReferenceBatch(keras.Sequential(body), images))
    discriminator.add(MinibatchDiscrimination(3, 2))
    discriminator.add(layers.Dense(1, dtype="float32"))
    gan = GAN(generator, discriminator, label_smoothing=0.1, seed=seed)
    optimizers = [AveragingAdam(1e-3, averaging_weight=0.1) for _ in range(2)]
    gan.compile(*optimizers, steps_per_execution=steps_per_execution)
    return gan


def test_a_loaded_run_with_all_techniques_continues_exactly(tmp_path):
    whole, first = full_gan(), full_gan(steps_per_execution=2)
    options = {
        "batch_size": 16,
        "shuffle": False,
        "verbose": 0,
    }  # 16, 16 and 8 examples
    whole.fit(IMAGES, epochs=4, **options)
    first.fit(IMAGES, epochs=2, **options)
    first.save_weights(tmp_path / "run.weights.h5")
    second = full_gan(seed=7, networks_seed=7)
    assert not np.array_equal(everything(second)[0], everything(first)[0])
    second.load_weights(tmp_path / "run.weights.h5")
    second.fit(IMAGES, epochs=4, initial_epoch=2, **options)
    assert_same_run(whole, second)
    for network in (whole.generator, whole.discriminator):
        loaded = saved_and_loaded(network, tmp_path)
        examples = normal(6, *network.input_shape[1:])
        np.testing.assert_allclose(
            loaded(examples), network(examples), atol=1e-6
        )


def test_all_techniques_train_in_mixed_precision():
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        gan = full_gan()
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    gan.fit(IMAGES, batch_size=16, verbose=0)
    assert gan.discriminator.layers[1].compute_dtype == "bfloat16"
    assert all(np.isfinite(x).all() for x in everything(gan))
    assert gan.sample(2).dtype == np.float32


def test_all_techniques_train_on_two_replicas(two_replicas):
    with two_replicas.scope():
        gan = full_gan()
    gan.fit(IMAGES, batch_size=16, verbose=0)
    assert gan.generator_optimizer.iterations == 3
    assert all(np.isfinite(x).all() for x in everything(gan))
    assert gan.sample(2).shape == (2, 8, 8, 1)
