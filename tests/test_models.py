"""What GAN, WGAN and WGANGP all promise: seeds, continuation, strategies, mixed precision, clear errors."""

import ast
import inspect
import subprocess
import sys

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from keras import layers
from small_models import (
    IMAGES,
    MODELS,
    STEPS,
    assert_same_run,
    everything,
    linear_networks,
    opponent,
    small_model,
    small_networks,
)

models = pytest.mark.parametrize("name", MODELS)


def trained_weights(model):
    return [
        [v.numpy() for v in network.trainable_variables]
        for network in (model.generator, opponent(model)[0])
    ]


def update_opponent(model, real):
    update = (
        model.update_critic
        if hasattr(model, "critic")
        else model.update_discriminator
    )
    update(tf.constant(real))


@models
def test_each_step_changes_one_network_only(name):
    model = small_model(name)
    before = trained_weights(model)
    update_opponent(model, IMAGES)
    now = trained_weights(model)
    assert all(
        np.array_equal(a, b) for a, b in zip(before[0], now[0], strict=True)
    )
    kernels = [i for i, weights in enumerate(now[1]) if weights.ndim > 1]
    assert not any(np.array_equal(before[1][i], now[1][i]) for i in kernels)
    model.update_generator(8)
    then = trained_weights(model)
    assert all(
        np.array_equal(a, b) for a, b in zip(now[1], then[1], strict=True)
    )
    assert not all(
        np.array_equal(a, b) for a, b in zip(now[0], then[0], strict=True)
    )


@models
@pytest.mark.parametrize(
    "batch, sizes", [(15, [5, 5, 5]), (16, [6, 5, 5]), (3, [1, 1, 1])]
)
def test_each_step_of_the_opponent_takes_rows_of_its_own(name, batch, sizes):
    taken, latents = [], []
    model = MODELS[name](
        *linear_networks([1.0, 1.0], 0.0, [0.0, 0.0]), **{STEPS[name]: 3}
    )
    model.update_discriminator = model.update_critic = lambda real: (
        taken.append(real.numpy()[:, 0])
    )
    model.update_generator = lambda n: latents.append(int(n))
    model.train_step(tf.repeat(tf.range(float(batch))[:, None], 2, axis=1))
    assert [len(rows) for rows in taken] == sizes
    assert sorted(np.concatenate(taken)) == list(range(batch))
    assert latents == [batch // 3]


@models
def test_ragged_last_batches_train(name):
    model = small_model(name, steps=5)
    model.fit(
        IMAGES[:23], batch_size=10, verbose=0
    )  # 10, 10 and 3 examples: fewer than 5
    assert (
        opponent(model)[1].iterations == 15
        and model.generator_optimizer.iterations == 3
    )
    assert all(np.isfinite(x).all() for x in everything(model))


@models
@pytest.mark.parametrize(
    "latent, law",
    [("normal", scipy.stats.norm()), ("uniform", scipy.stats.uniform(-1, 2))],
)
def test_latent_vectors_have_their_law(name, latent, law):
    model = small_model(name, latent=latent)
    first, second = (
        model.draw_latent(5000).numpy(),
        model.draw_latent(5000).numpy(),
    )
    assert first.shape == (5000, 3)
    assert scipy.stats.kstest(first.ravel(), law.cdf).pvalue > 1e-3
    assert np.abs(np.corrcoef(first.T)[np.triu_indices(3, 1)]).max() < 0.06
    assert (
        len(np.unique(np.concatenate([first, second]), axis=0)) == 10000
    )  # nothing drawn twice


@models
def test_a_seed_reproduces_a_run_and_another_does_not(name):
    runs = [small_model(name, seed=seed) for seed in (1, 1, 2)]
    for model in runs:
        model.fit(IMAGES, batch_size=16, epochs=2, shuffle=False, verbose=0)
    assert_same_run(runs[0], runs[1])
    first, other = (model.generator.get_weights()[0] for model in runs[1:])
    assert not np.array_equal(first, other)


@models
def test_same_run_from_array_dataset_and_several_steps_an_execution(name):
    runs = [
        small_model(name),
        small_model(name),
        small_model(name, steps_per_execution=3),
    ]
    pairs = tf.data.Dataset.from_tensor_slices(
        (IMAGES, np.zeros(len(IMAGES)))
    ).batch(16)
    runs[0].fit(IMAGES, batch_size=16, epochs=2, shuffle=False, verbose=0)
    runs[1].fit(
        pairs, epochs=2, shuffle=False, verbose=0
    )  # labels are passed over
    runs[2].fit(IMAGES, batch_size=16, epochs=2, shuffle=False, verbose=0)
    assert_same_run(runs[0], runs[1])
    assert_same_run(runs[0], runs[2])


@models
def test_a_loaded_run_continues_exactly(name, tmp_path):
    whole, first = small_model(name), small_model(name)
    whole.fit(IMAGES, batch_size=16, epochs=4, shuffle=False, verbose=0)
    first.fit(IMAGES, batch_size=16, epochs=2, shuffle=False, verbose=0)
    first.save_weights(tmp_path / "run.weights.h5")
    second = small_model(name, seed=7, networks_seed=7)
    second.load_weights(tmp_path / "run.weights.h5")
    second.fit(
        IMAGES,
        batch_size=16,
        epochs=4,
        initial_epoch=2,
        shuffle=False,
        verbose=0,
    )
    assert_same_run(whole, second)


class Kill(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


@models
def test_backup_and_restore_continues_exactly(name, tmp_path):
    def fit(model, *callbacks):
        backup = keras.callbacks.BackupAndRestore(
            tmp_path / "backup", delete_checkpoint=False
        )
        options = {
            "batch_size": 16,
            "epochs": 4,
            "shuffle": False,
            "verbose": 0,
        }
        return model.fit(IMAGES, callbacks=[backup, *callbacks], **options)

    whole, killed = small_model(name), small_model(name)
    restored = small_model(name, seed=7, networks_seed=7)
    whole.fit(IMAGES, batch_size=16, epochs=4, shuffle=False, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        fit(killed, Kill())
    assert fit(restored).epoch == [2, 3]
    assert_same_run(whole, restored)


def test_a_measure_put_into_the_logs_stops_a_run_and_keeps_the_best(tmp_path):
    measured, weights = [5.0, 3.0, 1.0, 2.0, 4.0, 0.5], []

    def measure(epoch, logs):  # before the callbacks that read it
        logs["distance"] = measured[epoch]
        weights.append(model.generator.get_weights())

    watch = keras.callbacks.LambdaCallback(on_epoch_end=measure)
    options = {"monitor": "distance", "mode": "min"}
    stop = keras.callbacks.EarlyStopping(
        patience=2, restore_best_weights=True, **options
    )
    keep = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.weights.h5",
        save_best_only=True,
        save_weights_only=True,
        **options,
    )
    model, kept = (
        small_model("GAN"),
        small_model("GAN", seed=7, networks_seed=7),
    )
    history = model.fit(
        IMAGES, epochs=6, verbose=0, callbacks=[watch, stop, keep]
    ).history
    assert history["distance"] == measured[:5] and stop.best_epoch == 2
    kept.load_weights(tmp_path / "best.weights.h5")
    for each in (model, kept):
        for a, b in zip(each.generator.get_weights(), weights[2], strict=True):
            np.testing.assert_array_equal(a, b)
    assert (
        model.generator_optimizer.iterations == 10
    )  # only the file has the optimizers' state
    assert kept.generator_optimizer.iterations == 6


@models
def test_samples(name):
    model = small_model(name)
    samples = model.sample(600, seed=3)
    assert samples.shape == (600, 8, 8, 1) and samples.dtype == np.float32
    np.testing.assert_array_equal(samples, model.sample(600, seed=3))
    assert not np.isclose(samples, model.sample(600, seed=4)).all()
    assert not np.isclose(model.sample(4), model.sample(4)).all()
    latent = model.draw_latent(5)
    np.testing.assert_array_equal(model(latent), model.generator(latent))


@models
def test_replicas_draw_their_own_latent_vectors_and_train(name, two_replicas):
    with two_replicas.scope():
        model = small_model(name, steps=2)
    drawn = two_replicas.run(tf.function(lambda: model.draw_latent(4))).values
    assert len(drawn) == 2 and not np.isclose(drawn[0], drawn[1]).any()
    history = model.fit(IMAGES, batch_size=16, verbose=0).history
    assert model.generator_optimizer.iterations == 3
    assert all(np.isfinite(values).all() for values in history.values())
    assert model.sample(2).shape == (2, 8, 8, 1)


@models
def test_mixed_precision_trains(name):
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        model = small_model(name)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    history = model.fit(IMAGES, batch_size=16, epochs=2, verbose=0).history
    assert opponent(model)[0].layers[0].compute_dtype == "bfloat16"
    assert all(
        v.dtype == "float32" for v in model.generator.trainable_variables
    )
    assert all(np.isfinite(values).all() for values in history.values())
    assert model.sample(2).dtype == np.float32


@models
def test_generator_file_needs_no_gan_lib(name, tmp_path):
    model = small_model(name)
    model.fit(IMAGES, batch_size=16, verbose=0)
    model.generator.save(tmp_path / "generator.keras")
    np.save(
        tmp_path / "expected.npy", model.generator(np.ones((2, 3), "float32"))
    )
    code = (
        "import sys; sys.modules['gan_lib'] = None; import keras, numpy as np;"
        "made = keras.models.load_model('generator.keras')(np.ones((2, 3), 'float32'));"
        "np.testing.assert_allclose(made, np.load('expected.npy'), atol=1e-6)"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )


@models
def test_bad_networks_and_options_are_refused(name):
    model, (generator, network) = MODELS[name], small_networks()
    role = "discriminator" if name == "GAN" else "critic"
    with pytest.raises(ValueError, match=f"{role} is None"):
        model(generator, None)
    with pytest.raises(
        ValueError, match="expected a Keras model that starts with keras.Input"
    ):
        model(keras.Sequential([layers.Dense(2)]), network)
    with pytest.raises(ValueError, match=r"\(None, 8, 8, 1\)"):
        model(keras.Sequential([keras.Input((3,)), layers.Dense(2)]), network)
    two = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)]
    )
    with pytest.raises(
        ValueError, match=r"expected (logits|scores) \(None, 1\)"
    ):
        model(generator, two)
    special = {
        "GAN": {"label_smoothing": 1.0},
        "WGAN": {"clip_value": 0},
        "WGANGP": {"gp_weight": -1},
    }
    for options in [{STEPS[name]: 0}, {"latent": "gaussian"}, special[name]]:
        with pytest.raises(ValueError, match=str(*options.values())):
            model(generator, network, **options)
    optimizer = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="one optimizer twice"):
        model(generator, network).compile(optimizer, optimizer)


@models
@pytest.mark.parametrize(
    "images, received",
    [
        (IMAGES[..., 0], r"shape \(8, 8\)"),
        (IMAGES[:, :4], r"shape \(4, 8, 1\)"),
        ((IMAGES * 127).astype("uint8"), "type uint8"),
        (IMAGES[:4], "batch of 2; expected (discriminator|critic)_steps=3"),
    ],
)
def test_bad_data_is_refused_and_loses_nothing(name, images, received):
    model = small_model(name, steps=3)
    before = everything(model)
    with pytest.raises(ValueError, match=received):
        model.fit(images, batch_size=2 if len(images) == 4 else 20, verbose=0)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(before, everything(model), strict=True)
    )


@models
def test_wrong_latent_size_is_refused(name):
    with pytest.raises(ValueError, match="3"):
        small_model(name)(np.zeros((2, 4), "float32"))


def methods(model):
    (tree,) = ast.parse(inspect.getsource(model)).body
    return {
        node.name: ast.unparse(node)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def test_what_the_three_classes_repeat_is_identical():
    gan, wgan, wgan_gp = (methods(model) for model in MODELS.values())
    own = {"__init__", "metrics", "update_critic"}
    assert {name for name in wgan if wgan[name] != wgan_gp[name]} == own
    assert set(wgan_gp) - set(wgan) == {
        "gradient_penalty",
        "draw_weights",
        "has_batch_normalization",
    }
    words = [("discriminator", "critic"), ("DISCRIMINATOR", "CRITIC")]
    for name in set(gan) & set(wgan) - own - {"update_generator"}:
        renamed = gan[name]
        for old, new in words:
            renamed = renamed.replace(old, new)
        assert renamed == wgan[name], name
