"""What GAN, WGAN and WGANGP all promise: seeds, continuation, strategies, mixed precision, clear errors."""

from gan_lib.wgan_gp import WGANGP

import ast
import copy
import inspect
import pickle
import re
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
    with two_replicas.scope():
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
def test_evaluation_is_repeatable_and_changes_nothing(name):
    model = small_model(name)
    before = everything(model)
    first = model.evaluate(IMAGES, batch_size=16, verbose=0, return_dict=True)
    again = model.evaluate(IMAGES, batch_size=16, verbose=0, return_dict=True)
    assert first == again and set(first) == {m.name for m in model.metrics}
    halves = [
        model.evaluate(IMAGES[:16], verbose=0, return_dict=True),
        model.evaluate(IMAGES[16:32], verbose=0, return_dict=True),
    ]
    whole = model.evaluate(
        IMAGES[:32], batch_size=16, verbose=0, return_dict=True
    )
    # the second batch has latent vectors of its own: not the mean of both
    mean = np.mean([half["generator_loss"] for half in halves])
    assert whole["generator_loss"] != pytest.approx(mean, abs=1e-7)
    skipped = {id(v) for metric in model.metrics for v in metric.variables}
    kept = [id(v) not in skipped for v in model.variables]
    kept += [True] * (len(before) - len(kept))
    pairs = zip(before, everything(model), kept, strict=True)
    assert all(np.array_equal(a, b) for a, b, keep in pairs if keep)


@models
def test_a_run_is_the_same_with_and_without_validation(name):
    runs = [small_model(name) for _ in range(3)]
    data = [{}, {"validation_data": IMAGES[:9]}, {"validation_split": 0.25}]
    train = IMAGES[:30]
    for model, options, n in zip(runs, data, (30, 30, 40), strict=True):
        history = model.fit(
            IMAGES[:n],
            batch_size=15,
            epochs=2,
            shuffle=False,
            verbose=0,
            **options,
        ).history
        names = {metric.name for metric in model.metrics}
        extra = {f"val_{each}" for each in names} if options else set()
        assert set(history) == names | extra and len(train) == 30
    metrics = len(runs[0].metrics) * 2  # sums and counts of the last evaluation
    for run in runs[1:]:
        for a, b in zip(
            everything(runs[0])[metrics:],
            everything(run)[metrics:],
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)
    logs = runs[0].test_on_batch(IMAGES[:8], return_dict=True)
    assert set(logs) == names


@models
def test_a_loaded_copied_or_pickled_model_trains_on_as_the_first(
    name, tmp_path
):
    first = small_model(name, steps=2)
    options = {"batch_size": 16, "shuffle": False, "verbose": 0}
    first.fit(IMAGES, epochs=2, **options)
    first.save(tmp_path / "run.keras")
    others = [
        keras.models.load_model(tmp_path / "run.keras"),
        copy.deepcopy(first),
        pickle.loads(pickle.dumps(first)),
    ]
    for model in [first, *others]:
        model.fit(IMAGES, epochs=2, **options)
    for model in others:
        assert type(model) is MODELS[name]
        assert_same_run(first, model)


def test_a_config_keeps_every_option():
    options = {
        "GAN": {
            "discriminator_steps": 3,
            "saturating": True,
            "label_smoothing": 0.1,
        },
        "WGAN": {"critic_steps": 4, "clip_value": 0.5},
        "WGANGP": {"critic_steps": 2, "gp_weight": 0.3},
    }
    for name, values in options.items():
        model = MODELS[name](
            *small_networks(), seed=5, name="mine", latent="uniform", **values
        )
        again = keras.models.clone_model(model)
        assert again.name == "mine" and again.latent == "uniform"
        assert {key: getattr(again, key) for key in values} == values
        np.testing.assert_array_equal(
            again.seed_generator.state, model.seed_generator.state
        )
        assert not copy.deepcopy(model).compiled


@models
def test_labels_and_weights_are_passed_over(name):
    runs = [small_model(name) for _ in range(2)]
    options = {"batch_size": 16, "shuffle": False, "verbose": 0}
    runs[0].fit(IMAGES, **options)
    runs[1].fit(
        IMAGES, np.arange(40), sample_weight=np.full(40, 9.0), **options
    )
    assert_same_run(*runs)


@models
def test_bad_networks_and_options_are_refused(name):
    model, (generator, network) = MODELS[name], small_networks()
    role = "discriminator" if name == "GAN" else "critic"
    with pytest.raises(ValueError, match=f"{role} is None"):
        model(generator, None)
    with pytest.raises(
        ValueError, match=r"expected a Keras model that starts with keras.Input"
    ):
        model(keras.Sequential([layers.Dense(2)]), network)
    with pytest.raises(
        ValueError, match=r"makes \(None, 2\); expected \(None, 8, 8, 1\)"
    ):
        model(keras.Sequential([keras.Input((3,)), layers.Dense(2)]), network)
    with pytest.raises(
        ValueError, match=r"(logits|scores) are \(None, 2\); expected \(None, 1"
    ):
        model(generator, flat_network(layers.Dense(2)))
    special = {
        "GAN": {"label_smoothing": 1.0},
        "WGAN": {"clip_value": 0},
        "WGANGP": {"gp_weight": -1},
    }
    for option in [{STEPS[name]: 0}, {"latent": "gaussian"}, special[name]]:
        ((key, value),) = option.items()
        with pytest.raises(ValueError, match=f"{key} is {value!r}; expected"):
            model(generator, network, **option)


def flat_network(*last):
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), *last])


@models
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "hard_sigmoid"])
def test_an_opponent_without_free_scores_is_refused(name, activation):
    generator, _ = small_networks()
    ends = [
        [layers.Dense(1, activation=activation)],
        [layers.Dense(1), layers.Activation(activation)],
        [layers.Dense(1, activation=activation), layers.Reshape((1,))],
        [keras.Sequential([layers.Dense(1, activation=activation)])],
    ]
    for end in ends:
        with pytest.raises(ValueError, match=r"ends between .*bounds"):
            MODELS[name](generator, flat_network(*end))
    MODELS[name](generator, flat_network(layers.Dense(1, "linear")))


def dataset(images, size=20):
    rows = tf.data.Dataset.from_tensor_slices(images)
    return rows.batch(size, drop_remainder=True)


NOT_A_NUMBER = np.where(np.arange(40)[:, None, None, None] == 7, np.nan, IMAGES)
BAD = {
    "no channel": (IMAGES[..., 0], r"shape=\(None, 8, 8\)"),
    "half an image": (IMAGES[:, :4], r"shape=\(None, 4, 8, 1\)"),
    "integers": (dataset((IMAGES * 127).astype("int8")), "int8; expected floa"),
    "a dict": (dataset({"a": IMAGES}), r"received {'a'.*expected one array"),
    "a list": ([IMAGES, IMAGES], r"received \(<tf.Tensor.*expected one array"),
    "few": (dataset(IMAGES, 2), r"batch of 2; expected \w+_steps=3 or more"),
    "pixels": (127.5 * (IMAGES + 1), r"from 0.* to 25.*ones from -1 to 1"),
    "halved": ((IMAGES + 1) / 2, r"from 0.* to 0.9.*finite ones from -1 to 1"),
    "NaN": (NOT_A_NUMBER, r"from nan to nan; expected finite ones"),
    "NaN in a dataset": (dataset(NOT_A_NUMBER), "expected finite real exampl"),
    "pixels in a dataset": (dataset(127.5 * (IMAGES + 1)), "-1 to 1: received"),
}


@models
@pytest.mark.parametrize("bad", BAD)
def test_bad_data_is_refused_and_no_weight_changes(name, bad):
    model, (images, received) = small_model(name, steps=3), BAD[bad]
    before = trained_weights(model)
    errors = (ValueError, tf.errors.InvalidArgumentError)
    with pytest.raises(errors, match=received):
        model.fit(images, shuffle=False, verbose=0)
    with pytest.raises(errors):
        model.evaluate(127.5 * (IMAGES + 1), verbose=0)
    for old, new in zip(before, trained_weights(model), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))


@models
def test_any_range_suits_a_linear_generator(name):
    model = MODELS[name](*linear_networks([1.0, 1.0], 0.0, [0.0, 0.0]))
    model.compile("sgd", "sgd")
    model.fit(np.full((10, 2), 300.0, "float32"), batch_size=10, verbose=0)


@models
@pytest.mark.parametrize("n", [0, -1, 2.5, 2.0, "3", None])
def test_samples_are_counted(name, n):
    with pytest.raises(ValueError, match=re.escape(f"n is {n!r}; expected")):
        small_model(name).sample(n)


def loss_scaled(rate):
    return keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(rate))


@models
def test_scaled_losses_make_the_same_step(name):
    trained = []
    for optimizer in (keras.optimizers.SGD, loss_scaled):
        model = MODELS[name](
            *linear_networks([0.7, -0.3], 0.2, [0.4, 1.1]), seed=1
        )
        model.compile(optimizer(0.1), optimizer(0.1))
        model.train_on_batch(np.ones((5, 2), "float32"))
        trained.append(everything(model)[: len(model.variables)])
    for a, b in zip(*trained, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@models
def test_float16_scales_its_losses(name):
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        model = small_model(name)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    for optimizer in (model.generator_optimizer, opponent(model)[1]):
        assert type(optimizer) is keras.optimizers.LossScaleOptimizer
    history = model.fit(IMAGES, batch_size=16, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, i):
        return IMAGES[8 * i : 8 * i + 8]


def adam(**options):
    return keras.optimizers.Adam(1e-3, **options)


CALLBACKS = keras.callbacks
USUAL = {
    "clipnorm": {"optimizers": {"clipnorm": 1.0}},
    "moving average": {
        "optimizers": {"use_ema": True},
        "fit": {"callbacks": [CALLBACKS.SwapEMAWeights()]},
    },
    "gradient accumulation": {"optimizers": {"gradient_accumulation_steps": 2}},
    "XLA": {"compile": {"jit_compile": True}},
    "eager": {"compile": {"run_eagerly": True}},
    "tensor": {"x": tf.constant(IMAGES)},
    "float64": {"x": IMAGES.astype("float64")},
    "PyDataset": {"x": Batches(), "fit": {"batch_size": None}},
    "batch of one": {"x": IMAGES[:3], "fit": {"batch_size": 1}},
    "batch larger than the data": {"fit": {"batch_size": 400}},
    "TerminateOnNaN": {"fit": {"callbacks": [CALLBACKS.TerminateOnNaN()]}},
    "early stopping": {
        "fit": {
            "validation_split": 0.2,
            "callbacks": [
                CALLBACKS.EarlyStopping("val_generator_loss", mode="min")
            ],
        }
    },
}
CRITICS = {
    "layer normalisation": [layers.LayerNormalization()],
    "group normalisation": [layers.GroupNormalization(2)],
    "spectral normalisation": [layers.SpectralNormalization(layers.Dense(4))],
    "frozen layer": [layers.Dense(4, trainable=False)],
}


@pytest.mark.parametrize("way", USUAL)
def test_usual_ways_of_training(way):
    use = {"x": IMAGES, "optimizers": {}, "compile": {}, "fit": {}} | USUAL[way]
    model = WGANGP(*small_networks(), critic_steps=1, seed=0)
    model.compile(
        *[adam(**use["optimizers"]) for _ in range(2)], **use["compile"]
    )
    before = trained_weights(model)
    history = model.fit(use["x"], verbose=0, **use["fit"]).history
    assert all(np.isfinite(values).all() for values in history.values())
    for old, new in zip(before, trained_weights(model), strict=True):
        assert any((a != b).any() for a, b in zip(old, new, strict=True))


@pytest.mark.parametrize("kind", CRITICS)
def test_usual_layers_of_a_critic(kind):
    generator, _ = small_networks()
    hidden = [layers.Conv2D(4, 3), *CRITICS[kind], layers.Flatten()]
    critic = keras.Sequential(
        [keras.Input((8, 8, 1)), *hidden, layers.Dense(1)]
    )
    model = WGANGP(generator, critic, critic_steps=1)
    model.compile(adam(), adam())
    for _ in range(2):  # compiled and trained twice
        history = model.fit(IMAGES, batch_size=20, verbose=0).history
        assert all(np.isfinite(values).all() for values in history.values())
        model.compile(adam(), adam())


@models
def test_learning_rates_change_by_schedule_or_by_callback(name):
    model = MODELS[name](*small_networks(), **{STEPS[name]: 1})
    falling = keras.optimizers.schedules.PolynomialDecay(1.0, 4, 0.0)
    model.compile(keras.optimizers.SGD(falling), keras.optimizers.SGD(1.0))
    rates = []

    def halve(epoch, logs):
        opponent(model)[1].learning_rate = 0.5**epoch
        rates.append(float(model.generator_optimizer.learning_rate))

    model.fit(
        IMAGES,
        batch_size=20,  # two steps an epoch
        epochs=2,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=halve)],
    )
    assert rates == [1.0, 0.5]
    assert float(opponent(model)[1].learning_rate) == 0.5


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
    own = {"__init__", "metrics", "update_critic", "compute_critic_loss"}
    own |= {"test_step", "get_config", "_check_arguments"}
    assert {name for name in wgan if wgan[name] != wgan_gp[name]} == own
    assert set(wgan_gp) - set(wgan) == {"gradient_penalty", "draw_weights"}
    own -= {"test_step"}
    for name in set(gan) & set(wgan) - own:
        if name == "compute_generator_loss":
            continue  # the algorithms differ
        renamed = gan[name].replace("discriminator", "critic")
        renamed = renamed.replace("; D's weights", "; f's weights")
        assert renamed == wgan[name], name
    checks = [each["_check_arguments"].splitlines() for each in (wgan, wgan_gp)]
    assert len(set(checks[0]) - set(checks[1])) == 2  # on clip_value


@models
def test_the_algorithm_is_read_before_the_plumbing_and_the_checks(name):
    (tree,) = ast.parse(inspect.getsource(MODELS[name])).body
    order = [n.name for n in tree.body if isinstance(n, ast.FunctionDef)]
    side = "discriminator" if name == "GAN" else "critic"
    first = ["__init__", "compile", "train_step", f"update_{side}"]
    assert order[:5] == [*first, "update_generator"]
    assert order[-2:] == ["_check_arguments", "_expect"]
    last = max(i for i, each in enumerate(order) if each.startswith("compute"))
    assert all(not each.startswith("_") for each in order[1:last])
