"""WGAN against values computed by hand."""

from gan_lib.wgan import WGAN

import keras
import numpy as np
import pytest
from small_models import IMAGES, linear_networks, small_model


@pytest.mark.parametrize("clip_value", [0.5, 10.0])
def test_losses_and_clipped_update_equal_hand_computation(clip_value):
    real = np.array([[0.5, -1.0], [1.5, 0.25], [-0.5, 2.0]])
    w, b, c, rate = np.array([0.7, -0.3]), 0.6, np.array([0.4, 1.1]), 0.1
    wgan = WGAN(
        *linear_networks(w, b, c), critic_steps=1, clip_value=clip_value
    )
    wgan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    logs = wgan.train_on_batch(real.astype("float32"), return_dict=True)

    critic_loss = (c @ w + b) - np.mean(real @ w + b)
    w_new = np.clip(w - rate * (c - real.mean(axis=0)), -clip_value, clip_value)
    b_new = np.clip(b, -clip_value, clip_value)
    assert logs["critic_loss"] == pytest.approx(critic_loss, abs=1e-6)
    assert logs["wasserstein_estimate"] == pytest.approx(-critic_loss, abs=1e-6)
    assert logs["generator_loss"] == pytest.approx(
        -(c @ w_new + b_new), abs=1e-6
    )
    np.testing.assert_allclose(
        wgan.critic.layers[0].kernel.numpy()[:, 0], w_new, atol=1e-6
    )
    np.testing.assert_allclose(
        wgan.critic.layers[0].bias.numpy(), [b_new], atol=1e-6
    )
    np.testing.assert_allclose(
        wgan.generator.layers[0].bias, c + rate * w_new, atol=1e-6
    )


def test_two_critic_steps_come_before_the_generators():
    real = np.array(
        [[1.0, 2.0], [3.0, 4.0]], "float32"
    )  # one row for each critic step
    wgan = WGAN(
        *linear_networks([0.0, 0.0], 0.0, [0.0, 0.0]),
        critic_steps=2,
        clip_value=10.0,
    )
    wgan.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0))
    wgan.train_on_batch(real)
    # the critic climbs by the first row, then by the second; the generator by the critic's weights
    np.testing.assert_allclose(
        wgan.critic.layers[0].kernel.numpy()[:, 0], [4, 6]
    )
    np.testing.assert_allclose(wgan.generator.layers[0].bias, [4, 6])


def test_all_trainable_critic_weights_stay_in_the_box_and_reach_it():
    wgan = small_model("WGAN", steps=2, clip_value=0.02)
    wgan.fit(IMAGES, batch_size=16, epochs=30, verbose=0)
    weights = np.concatenate(
        [v.numpy().ravel() for v in wgan.critic.trainable_variables]
    )
    assert np.abs(weights).max() <= np.float32(0.02)
    assert (
        np.isclose(np.abs(weights), 0.02).mean() > 0.2
    )  # at the bounds, as the paper's figure shows


def test_replicas_clip_too(two_replicas):
    with two_replicas.scope():
        wgan = small_model("WGAN", clip_value=0.02)
    wgan.fit(IMAGES, batch_size=16, epochs=2, verbose=0)
    assert max(
        np.abs(v.numpy()).max() for v in wgan.critic.trainable_variables
    ) <= np.float32(0.02)
