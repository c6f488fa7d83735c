"""WGANGP against closed forms, and its critic against the exact Wasserstein distance."""

from gan_lib import networks
from gan_lib.wgan_gp import WGANGP

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from keras import layers
from small_models import IMAGES, linear_networks, small_model, small_networks


def linear_critic(shape, weights):
    critic = keras.Sequential(
        [keras.Input(shape), layers.Flatten(), layers.Dense(1)]
    )
    critic.layers[1].kernel.assign(np.reshape(weights, (-1, 1)))
    return critic


def generator_of(shape):
    return keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(int(np.prod(shape))),
            layers.Reshape(shape),
        ]
    )


@pytest.mark.parametrize("shape", [(2,), (8, 8, 1), (4, 6, 3)])
def test_penalty_of_a_linear_critic_is_its_norm_minus_1_squared(shape):
    rng = np.random.default_rng(0)
    for scale in (0.1, 1.0, 5.0):
        weights = (
            scale * rng.normal(size=np.prod(shape)) / np.sqrt(np.prod(shape))
        )
        model = WGANGP(
            generator_of(shape), linear_critic(shape, weights), seed=0
        )
        real, generated = rng.normal(size=(2, 16, *shape)).astype("float32")
        exact = (np.linalg.norm(weights) - 1) ** 2
        penalty = model.gradient_penalty(real, generated)
        assert penalty.shape == () and penalty.dtype == tf.float32
        assert float(penalty) == pytest.approx(exact, abs=1e-6, rel=1e-6)


@pytest.mark.parametrize("shape", [(2,), (8, 8, 1)])
def test_penalty_is_taken_example_by_example(shape):
    # f(x) = |x|^2 has the gradient 2 x; between equal examples every interpolated one is the same
    inputs = keras.Input(shape)
    outputs = keras.ops.sum(
        keras.ops.square(layers.Flatten()(inputs)), axis=1, keepdims=True
    )
    model = WGANGP(generator_of(shape), keras.Model(inputs, outputs), seed=0)
    real = np.random.default_rng(1).normal(size=(9, *shape)).astype("float32")
    norms = 2 * np.linalg.norm(real.reshape(9, -1), axis=1)
    assert float(model.gradient_penalty(real, real)) == pytest.approx(
        np.mean((norms - 1) ** 2)
    )


def test_interpolation_weights_are_uniform_and_one_an_example():
    model = small_model("WGANGP")
    real = tf.zeros((4000, 8, 8, 1))
    weights = model.draw_weights(real).numpy()
    assert weights.shape == (4000, 1, 1, 1)
    assert len(np.unique(weights)) > 3900
    assert (
        scipy.stats.kstest(weights.ravel(), scipy.stats.uniform.cdf).pvalue
        > 1e-3
    )
    assert not np.isclose(weights, model.draw_weights(real)).any(
        axis=None, where=weights > 1e-3
    )


def test_interpolated_examples_lie_between_real_and_generated():
    seen = []

    class Recording(layers.Layer):
        def call(self, inputs):
            seen.append(inputs)
            return inputs

    critic = keras.Sequential([keras.Input((2,)), Recording(), layers.Dense(1)])
    model = WGANGP(generator_of((2,)), critic, seed=3)
    real, generated = (
        np.zeros((500, 2), "float32"),
        np.tile([[2.0, 4.0]], (500, 1)),
    )
    model.gradient_penalty(real, generated)
    points = seen[-1].numpy()
    np.testing.assert_allclose(
        points[:, 1], 2 * points[:, 0], rtol=1e-5
    )  # on the line between
    assert (
        scipy.stats.kstest(points[:, 0], scipy.stats.uniform(0, 2).cdf).pvalue
        > 1e-3
    )


def test_losses_and_update_equal_hand_computation():
    real = np.array([[0.5, -1.0], [1.5, 0.25], [-0.5, 2.0]])
    w, b, c, rate, gp_weight = (
        np.array([0.7, -0.3]),
        0.6,
        np.array([0.4, 1.1]),
        0.1,
        3.0,
    )
    model = WGANGP(
        *linear_networks(w, b, c), critic_steps=1, gp_weight=gp_weight
    )
    model.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    logs = model.train_on_batch(real.astype("float32"), return_dict=True)

    difference, norm = c @ w - np.mean(real @ w), np.linalg.norm(w)
    slope = c - real.mean(axis=0) + gp_weight * 2 * (norm - 1) * w / norm
    w_new = w - rate * slope
    assert logs["gradient_penalty"] == pytest.approx((norm - 1) ** 2, abs=1e-6)
    assert logs["wasserstein_estimate"] == pytest.approx(-difference, abs=1e-6)
    loss = difference + gp_weight * (norm - 1) ** 2
    assert logs["critic_loss"] == pytest.approx(loss, abs=1e-6)
    np.testing.assert_allclose(
        model.critic.layers[0].kernel.numpy()[:, 0], w_new, atol=1e-6
    )
    np.testing.assert_allclose(
        model.critic.layers[0].bias.numpy(), [b], atol=1e-6
    )
    np.testing.assert_allclose(
        model.generator.layers[0].bias, c + rate * w_new, atol=1e-6
    )


def test_a_critic_without_gradient_stays_finite():
    model = WGANGP(
        generator_of((8, 8, 1)),
        linear_critic((8, 8, 1), np.zeros(64)),
        critic_steps=2,
    )
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    assert float(model.gradient_penalty(IMAGES, IMAGES)) == pytest.approx(
        1, abs=1e-5
    )
    history = model.fit(IMAGES, batch_size=20, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


def test_a_trained_critic_reaches_the_exact_wasserstein_distance():
    """Real N(0, 1), generated N(0.4, 0.7^2) by a fixed generator. The slope is 1 + W1 / (2 gp_weight), not 1."""
    keras.utils.set_random_seed(0)
    generator = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
    generator.set_weights([np.array([[0.7]]), np.array([0.4])])
    critic = networks.dense_discriminator(input_dim=1, units=(64, 64))
    model = WGANGP(generator, critic, critic_steps=1, gp_weight=10.0, seed=0)
    rates = keras.optimizers.schedules.CosineDecay(3e-3, 1500)
    model.compile(
        keras.optimizers.SGD(0.0),
        keras.optimizers.Adam(rates, 0.5, 0.9),
        steps_per_execution=50,
    )
    rng = np.random.default_rng(0)
    batches = tf.data.Dataset.from_tensor_slices(
        rng.normal(size=(1500 * 256, 1)).astype("float32")
    )
    model.fit(batches.batch(256), shuffle=False, verbose=0)
    real, generated = (
        rng.normal(size=(100_000, 1)),
        rng.normal(0.4, 0.7, size=(100_000, 1)),
    )
    estimate = np.mean(critic.predict(real, 10_000, 0)) - np.mean(
        critic.predict(generated, 10_000, 0)
    )
    exact = scipy.stats.wasserstein_distance(real[:, 0], generated[:, 0])
    assert estimate == pytest.approx(exact, rel=0.05)


class Block(layers.Layer):
    def __init__(self):
        super().__init__()
        self.normalise = layers.BatchNormalization()

    def call(self, inputs, training=False):
        return self.normalise(inputs, training=training)


def test_batch_normalisation_in_the_critic_is_refused():
    generator, critic = small_networks()
    hiding = [
        layers.BatchNormalization(),
        keras.Sequential([layers.Conv2D(2, 3), layers.BatchNormalization()]),
        layers.TimeDistributed(layers.BatchNormalization()),
        Block(),
    ]
    for layer in hiding:
        found = keras.Sequential(
            [keras.Input((8, 8, 1)), layer, layers.Flatten(), layers.Dense(1)]
        )
        with pytest.raises(ValueError, match="has batch normalization"):
            WGANGP(generator, found)
    WGANGP(generator, critic)


def test_a_critic_that_overfits_shows_in_its_validation():
    """As in figure 5b of Gulrajani et al. 2017.

    The generator makes N(0, I), as the data are: the distance is 0. A critic
    of 16 points learns these, and sees a distance there, but none on others.
    """
    keras.utils.set_random_seed(0)
    points = np.random.default_rng(0).normal(size=(4016, 2)).astype("float32")
    generator = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    generator.set_weights([np.eye(2), np.zeros(2)])
    critic = networks.dense_discriminator()
    model = WGANGP(generator, critic, critic_steps=1, gp_weight=0.1, seed=0)
    model.compile(
        keras.optimizers.SGD(0.0),
        keras.optimizers.Adam(1e-3, 0.5, 0.9),
        steps_per_execution=50,
    )
    few = tf.data.Dataset.from_tensors(np.tile(points[:16], (16, 1))).repeat()
    history = model.fit(
        few,
        steps_per_epoch=500,
        epochs=2,
        shuffle=False,
        verbose=0,
        validation_data=points[16:],
        validation_batch_size=400,
    ).history
    assert history["wasserstein_estimate"][-1] > 0.3
    assert abs(history["val_wasserstein_estimate"][-1]) < 0.1


def test_the_penalty_is_float32_under_mixed_precision():
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        model = small_model("WGANGP")
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    assert (
        model.gradient_penalty(IMAGES, tf.cast(IMAGES, tf.bfloat16)).dtype
        == tf.float32
    )
