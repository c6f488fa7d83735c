"""GAN against values computed by hand, and its promises: seeds, continuation, strategies, mixed precision."""

from gan_lib.gan import GAN

import subprocess
import sys

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from keras import layers

IMAGES = np.random.default_rng(0).uniform(-1, 1, (40, 8, 8, 1)).astype("float32")


def small_networks(seed=0):
    """A convolutional pair with batch normalisation and dropout: every kind of state that a run has to keep."""
    keras.utils.set_random_seed(seed)
    generator = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(4 * 4 * 2),
            layers.BatchNormalization(),
            layers.Reshape((4, 4, 2)),
            layers.Conv2DTranspose(
                1, 4, strides=2, padding="same", activation="tanh", dtype="float32"
            ),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 4, strides=2, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    return generator, discriminator


def small_gan(seed=1, networks_seed=0, steps_per_execution=1, **options):
    gan = GAN(*small_networks(networks_seed), seed=seed, **options)
    gan.compile(
        keras.optimizers.Adam(1e-3),
        keras.optimizers.Adam(1e-3),
        steps_per_execution=steps_per_execution,
    )
    return gan


def linear_networks(weights, bias, point):
    """A discriminator w.x + b, and a generator that makes the same point of every latent vector."""
    generator = keras.Sequential([keras.Input((2,)), layers.Dense(2, kernel_initializer="zeros")])
    discriminator = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    generator.layers[0].bias.assign(point)
    discriminator.layers[0].kernel.assign(np.reshape(weights, (2, 1)))
    discriminator.layers[0].bias.assign([bias])
    return generator, discriminator


def everything(gan):
    """All numbers that a run is made of."""
    optimizers = gan.generator_optimizer.variables + gan.discriminator_optimizer.variables
    return [variable.numpy() for variable in gan.variables + optimizers]


def assert_same_run(a, b):
    for x, y in zip(everything(a), everything(b), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.fixture(scope="module")
def two_replicas():
    """One for all tests: TensorFlow numbers the collective operations of a second strategy like those of the first."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("saturating", [False, True])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_losses_and_update_equal_hand_computation(saturating, label_smoothing):
    real = np.array([[0.5, -1.0], [1.5, 0.25], [-0.5, 2.0]])
    w, b, c, rate = np.array([0.7, -0.3]), 0.2, np.array([0.4, 1.1]), 0.1
    gan = GAN(*linear_networks(w, b, c), saturating=saturating, label_smoothing=label_smoothing)
    gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    logs = gan.train_on_batch(real.astype("float32"), return_dict=True)

    target = 1 - label_smoothing
    d_real, d_generated = sigmoid(real @ w + b), sigmoid(c @ w + b)
    loss_on_real = -np.mean(target * np.log(d_real) + (1 - target) * np.log(1 - d_real))
    loss_on_generated = -np.log(1 - d_generated)
    w_new = w - rate * (np.mean((d_real - target)[:, None] * real, axis=0) + d_generated * c) / 2
    b_new = b - rate * (np.mean(d_real - target) + d_generated) / 2
    d_generated = sigmoid(c @ w_new + b_new)
    generator_loss = np.log(1 - d_generated) if saturating else -np.log(d_generated)
    c_new = c - rate * w_new * (-d_generated if saturating else d_generated - 1)

    assert logs["discriminator_loss"] == pytest.approx(
        (loss_on_real + loss_on_generated) / 2, abs=1e-6
    )
    assert logs["generator_loss"] == pytest.approx(generator_loss, abs=1e-6)
    np.testing.assert_allclose(gan.discriminator.layers[0].kernel.numpy()[:, 0], w_new, atol=1e-6)
    np.testing.assert_allclose(gan.discriminator.layers[0].bias.numpy(), [b_new], atol=1e-6)
    np.testing.assert_allclose(gan.generator.layers[0].bias.numpy(), c_new, atol=1e-6)


def test_label_smoothing_moves_the_optimum_to_09_p_over_p_plus_q():
    # Two places, as one-hot vectors: the data is at the first with p = 3/4, the generator always (q = 1, 0).
    generator, discriminator = linear_networks([0.0, 0.0], 0.0, [1.0, 0.0])
    gan = GAN(generator, discriminator, label_smoothing=0.1)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(2.0), steps_per_execution=100)
    real = tf.constant([[1.0, 0.0]] * 3 + [[0.0, 1.0]])
    gan.fit(tf.data.Dataset.from_tensors(real).repeat(), steps_per_epoch=3000, verbose=0)
    optimum = sigmoid(discriminator(np.eye(2, dtype="float32")).numpy()[:, 0])
    np.testing.assert_allclose(optimum, [0.9 * 0.75 / (0.75 + 1), 0.9 * 0.25 / 0.25], atol=2e-3)


def test_each_step_changes_one_network_only():
    gan = small_gan()
    trained = [
        [v.numpy() for v in network.trainable_variables]
        for network in (gan.generator, gan.discriminator)
    ]
    gan.update_discriminator(tf.constant(IMAGES))
    now = [
        [v.numpy() for v in network.trainable_variables]
        for network in (gan.generator, gan.discriminator)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(trained[0], now[0], strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(trained[1], now[1], strict=True))
    gan.update_generator(8)
    then = [
        [v.numpy() for v in network.trainable_variables]
        for network in (gan.generator, gan.discriminator)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(now[1], then[1], strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(now[0], then[0], strict=True))


@pytest.mark.parametrize("batch, sizes", [(15, [5, 5, 5]), (16, [6, 5, 5]), (3, [1, 1, 1])])
def test_each_discriminator_step_takes_rows_of_its_own(batch, sizes):
    taken, latents = [], []

    class Recording(GAN):
        def update_discriminator(self, real):
            taken.append(real.numpy()[:, 0])

        def update_generator(self, n):
            latents.append(int(n))

    generator, discriminator = linear_networks([1.0, 1.0], 0.0, [0.0, 0.0])
    gan = Recording(generator, discriminator, discriminator_steps=3)
    gan.train_step(tf.repeat(tf.range(float(batch))[:, None], 2, axis=1))
    assert [len(rows) for rows in taken] == sizes
    assert sorted(np.concatenate(taken)) == list(range(batch))
    assert latents == [batch // 3]


def test_ragged_last_batches_train():
    gan = small_gan(discriminator_steps=5)
    gan.fit(
        IMAGES[:23], batch_size=10, verbose=0
    )  # 10, 10 and 3 examples, fewer than the discriminator's steps
    assert gan.discriminator_optimizer.iterations == 15 and gan.generator_optimizer.iterations == 3
    assert all(np.isfinite(x).all() for x in everything(gan))


@pytest.mark.parametrize(
    "latent, law", [("normal", scipy.stats.norm()), ("uniform", scipy.stats.uniform(-1, 2))]
)
def test_latent_vectors_have_their_law(latent, law):
    gan = small_gan(latent=latent)
    first, second = gan.draw_latent(5000).numpy(), gan.draw_latent(5000).numpy()
    assert first.shape == (5000, 3)
    assert scipy.stats.kstest(first.ravel(), law.cdf).pvalue > 1e-3
    assert np.abs(np.corrcoef(first.T)[np.triu_indices(3, 1)]).max() < 0.06
    assert len(np.unique(np.concatenate([first, second]), axis=0)) == 10000  # nothing drawn twice


def test_a_seed_reproduces_a_run_and_another_does_not():
    runs = [small_gan(seed=seed) for seed in (1, 1, 2)]
    for gan in runs:
        gan.fit(IMAGES, batch_size=16, epochs=2, shuffle=False, verbose=0)
    assert_same_run(runs[0], runs[1])
    assert not np.array_equal(
        runs[0].generator.get_weights()[0], runs[2].generator.get_weights()[0]
    )


def test_same_run_from_array_dataset_and_several_steps_an_execution():
    runs = [small_gan(), small_gan(), small_gan(steps_per_execution=3)]
    runs[0].fit(IMAGES, batch_size=16, epochs=2, shuffle=False, verbose=0)
    pairs = tf.data.Dataset.from_tensor_slices((IMAGES, np.zeros(len(IMAGES)))).batch(
        16
    )  # labels are passed over
    runs[1].fit(pairs, epochs=2, verbose=0)
    runs[2].fit(IMAGES, batch_size=16, epochs=2, shuffle=False, verbose=0)
    assert_same_run(runs[0], runs[1])
    assert_same_run(runs[0], runs[2])


def test_a_loaded_run_continues_exactly(tmp_path):
    whole, first = small_gan(), small_gan()
    whole.fit(IMAGES, batch_size=16, epochs=4, shuffle=False, verbose=0)
    first.fit(IMAGES, batch_size=16, epochs=2, shuffle=False, verbose=0)
    first.save_weights(tmp_path / "run.weights.h5")
    second = small_gan(seed=7, networks_seed=7)
    second.load_weights(tmp_path / "run.weights.h5")
    second.fit(IMAGES, batch_size=16, epochs=4, initial_epoch=2, shuffle=False, verbose=0)
    assert_same_run(whole, second)


def test_backup_and_restore_continues_exactly(tmp_path):
    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)

    whole, killed, restored = small_gan(), small_gan(), small_gan(seed=7, networks_seed=7)
    whole.fit(IMAGES, batch_size=16, epochs=4, shuffle=False, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        killed.fit(
            IMAGES, batch_size=16, epochs=4, shuffle=False, verbose=0, callbacks=[backup(), Kill()]
        )
    history = restored.fit(
        IMAGES, batch_size=16, epochs=4, shuffle=False, verbose=0, callbacks=[backup()]
    )
    assert history.epoch == [2, 3]
    assert_same_run(whole, restored)


def test_samples():
    gan = small_gan()
    samples = gan.sample(600, seed=3)
    assert samples.shape == (600, 8, 8, 1) and samples.dtype == np.float32
    np.testing.assert_array_equal(samples, gan.sample(600, seed=3))
    assert not np.isclose(samples, gan.sample(600, seed=4)).all()
    assert not np.isclose(gan.sample(4), gan.sample(4)).all()
    latent = gan.draw_latent(5)
    np.testing.assert_array_equal(gan(latent), gan.generator(latent))


def test_mirrored_strategy_takes_the_mean_of_the_replicas(two_replicas):
    real = np.array([[0.5, -1.0], [1.5, 0.25], [-0.5, 2.0], [2.0, 1.0]], "float32")

    def train():
        gan = GAN(*linear_networks([0.7, -0.3], 0.2, [0.4, 1.1]), seed=1)
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
        history = gan.fit(
            real, batch_size=4, shuffle=False, verbose=0
        ).history  # one step: later ones see latents
        return history, gan.discriminator.get_weights() + [gan.generator.layers[0].bias.numpy()]

    one = train()
    with two_replicas.scope():
        two = train()
    for a, b in zip(one[1], two[1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    np.testing.assert_allclose(
        one[0]["discriminator_loss"], two[0]["discriminator_loss"], atol=1e-6
    )


def test_each_replica_draws_its_own_latent_vectors(two_replicas):
    with two_replicas.scope():
        gan = small_gan()
    drawn = two_replicas.run(tf.function(lambda: gan.draw_latent(4))).values
    assert len(drawn) == 2 and not np.isclose(drawn[0], drawn[1]).any()
    gan.fit(IMAGES, batch_size=16, verbose=0)
    assert gan.generator_optimizer.iterations == 3
    assert gan.sample(2).shape == (2, 8, 8, 1)


def test_mixed_precision_trains():
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        gan = small_gan()
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    history = gan.fit(IMAGES, batch_size=16, epochs=2, verbose=0).history
    assert gan.discriminator.layers[0].compute_dtype == "bfloat16"
    assert all(v.dtype == "float32" for v in gan.generator.trainable_variables)
    assert np.isfinite(history["discriminator_loss"] + history["generator_loss"]).all()
    assert gan.sample(2).dtype == np.float32


def test_generator_file_needs_no_gan_lib(tmp_path):
    gan = small_gan()
    gan.fit(IMAGES, batch_size=16, verbose=0)
    gan.generator.save(tmp_path / "generator.keras")
    latent = np.ones((2, 3), "float32")
    np.save(tmp_path / "expected.npy", gan.generator(latent))
    code = (
        "import sys; sys.modules['gan_lib'] = None; import keras, numpy as np;"
        "made = keras.models.load_model('generator.keras')(np.ones((2, 3), 'float32'));"
        "np.testing.assert_allclose(made, np.load('expected.npy'), atol=1e-6)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)


def test_bad_networks_and_options_are_refused():
    generator, discriminator = small_networks()
    with pytest.raises(ValueError, match="discriminator is None"):
        GAN(generator, None)
    with pytest.raises(ValueError, match="expected a Keras model that starts with keras.Input"):
        GAN(keras.Sequential([layers.Dense(2)]), discriminator)
    with pytest.raises(ValueError, match=r"\(None, 8, 8, 1\)"):
        GAN(keras.Sequential([keras.Input((3,)), layers.Dense(2)]), discriminator)
    with pytest.raises(ValueError, match=r"expected logits \(None, 1\)"):
        GAN(
            generator, keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)])
        )
    for options in [{"discriminator_steps": 0}, {"label_smoothing": 1.0}, {"latent": "gaussian"}]:
        with pytest.raises(ValueError, match=str(*options.values())):
            GAN(generator, discriminator, **options)
    optimizer = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="one optimizer twice"):
        GAN(generator, discriminator).compile(optimizer, optimizer)


@pytest.mark.parametrize(
    "images, received",
    [
        (IMAGES[..., 0], r"shape \(8, 8\)"),
        (IMAGES[:, :4], r"shape \(4, 8, 1\)"),
        ((IMAGES * 127).astype("uint8"), "type uint8"),
        (IMAGES[:4], "batch of 2; expected discriminator_steps=3"),
    ],
)
def test_bad_data_is_refused_and_loses_nothing(images, received):
    gan = small_gan(discriminator_steps=3)
    before = everything(gan)
    with pytest.raises(ValueError, match=received):
        gan.fit(images, batch_size=2 if len(images) == 4 else 20, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, everything(gan), strict=True))


def test_wrong_latent_size_is_refused():
    with pytest.raises(ValueError, match="3"):
        small_gan()(np.zeros((2, 4), "float32"))
