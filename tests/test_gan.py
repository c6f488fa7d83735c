"""GAN against values computed by hand."""

from gan_lib.gan import GAN

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import linear_networks


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("saturating", [False, True])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_losses_and_update_equal_hand_computation(saturating, label_smoothing):
    real = np.array([[0.5, -1.0], [1.5, 0.25], [-0.5, 2.0]])
    w, b, c, rate = np.array([0.7, -0.3]), 0.2, np.array([0.4, 1.1]), 0.1
    gan = GAN(
        *linear_networks(w, b, c),
        saturating=saturating,
        label_smoothing=label_smoothing,
    )
    gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    logs = gan.train_on_batch(real.astype("float32"), return_dict=True)

    target = 1 - label_smoothing
    d_real, d_generated = sigmoid(real @ w + b), sigmoid(c @ w + b)
    loss_on_real = -np.mean(
        target * np.log(d_real) + (1 - target) * np.log(1 - d_real)
    )
    loss_on_generated = -np.log(1 - d_generated)
    w_new = (
        w
        - rate
        * (np.mean((d_real - target)[:, None] * real, axis=0) + d_generated * c)
        / 2
    )
    b_new = b - rate * (np.mean(d_real - target) + d_generated) / 2
    d_generated = sigmoid(c @ w_new + b_new)
    generator_loss = (
        np.log(1 - d_generated) if saturating else -np.log(d_generated)
    )
    c_new = c - rate * w_new * (-d_generated if saturating else d_generated - 1)

    assert logs["discriminator_loss"] == pytest.approx(
        (loss_on_real + loss_on_generated) / 2, abs=1e-6
    )
    assert logs["generator_loss"] == pytest.approx(generator_loss, abs=1e-6)
    np.testing.assert_allclose(
        gan.discriminator.layers[0].kernel.numpy()[:, 0], w_new, atol=1e-6
    )
    np.testing.assert_allclose(
        gan.discriminator.layers[0].bias.numpy(), [b_new], atol=1e-6
    )
    np.testing.assert_allclose(
        gan.generator.layers[0].bias.numpy(), c_new, atol=1e-6
    )


def test_label_smoothing_moves_the_optimum_to_09_p_over_p_plus_q():
    # Two places, as one-hot vectors: the data is at the first with p = 3/4, the generator always (q = 1, 0).
    generator, discriminator = linear_networks([0.0, 0.0], 0.0, [1.0, 0.0])
    gan = GAN(generator, discriminator, label_smoothing=0.1)
    gan.compile(
        keras.optimizers.SGD(0.0),
        keras.optimizers.SGD(2.0),
        steps_per_execution=100,
    )
    real = tf.constant([[1.0, 0.0]] * 3 + [[0.0, 1.0]])
    gan.fit(
        tf.data.Dataset.from_tensors(real).repeat(),
        steps_per_epoch=3000,
        shuffle=False,
        verbose=0,
    )
    optimum = sigmoid(discriminator(np.eye(2, dtype="float32")).numpy()[:, 0])
    np.testing.assert_allclose(
        optimum, [0.9 * 0.75 / (0.75 + 1), 0.9 * 0.25 / 0.25], atol=2e-3
    )


def test_mirrored_strategy_takes_the_mean_of_the_replicas(two_replicas):
    real = np.array(
        [[0.5, -1.0], [1.5, 0.25], [-0.5, 2.0], [2.0, 1.0]], "float32"
    )

    def train():
        gan = GAN(*linear_networks([0.7, -0.3], 0.2, [0.4, 1.1]), seed=1)
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
        history = gan.fit(
            real, batch_size=4, shuffle=False, verbose=0
        ).history  # one step: later ones see latents
        return history, gan.discriminator.get_weights() + [
            gan.generator.layers[0].bias.numpy()
        ]

    one = train()
    with two_replicas.scope():
        two = train()
    for a, b in zip(one[1], two[1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    np.testing.assert_allclose(
        one[0]["discriminator_loss"], two[0]["discriminator_loss"], atol=1e-6
    )
