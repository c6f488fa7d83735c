"""Networks: shapes, ranges and types for every size that the docstrings promise."""

from gan_lib import networks

import keras
import numpy as np
import pytest
from keras import layers
from small_models import (
    IMAGES,
    MODELS,
    assert_same_run,
    everything,
    small_model,
)


@pytest.mark.parametrize("upsampling", ["transpose", "nearest"])
@pytest.mark.parametrize("size", [12, 28, 36, 64, 80])
@pytest.mark.parametrize("channels", [1, 3])
def test_convolutional_pair(size, channels, upsampling):
    shape = (size, size, channels)
    generator = networks.convolutional_generator(
        shape, latent_dim=7, filters=4, upsampling=upsampling
    )
    discriminator = networks.convolutional_discriminator(shape, filters=4)
    images = generator(
        np.random.default_rng(0).normal(size=(5, 7)) * 100
    ).numpy()
    assert (
        images.shape == (5, *shape)
        and -1 <= images.min() < -0.5 < 0.5 < images.max() <= 1
    )
    assert discriminator(images).shape == (5, 1)
    kinds = {type(layer) for layer in generator.layers}
    assert (layers.Conv2DTranspose in kinds) == (upsampling == "transpose")
    assert (layers.UpSampling2D in kinds) == (upsampling == "nearest")


def test_discriminator_returns_logits_of_both_signs():
    discriminator = networks.convolutional_discriminator(filters=4)
    logits = discriminator(
        np.random.default_rng(0).uniform(-9, 9, (64, 28, 28, 1))
    ).numpy()
    assert logits.min() < 0 and logits.max() > 1


def test_batch_normalization_is_an_option_and_never_at_the_output():
    def normalised(**options):
        found = networks.convolutional_generator(filters=4, **options).layers
        return [
            i
            for i, layer in enumerate(found)
            if isinstance(layer, layers.BatchNormalization)
        ], len(found)

    places, n = normalised()
    assert len(places) == 3 and max(places) < n - 3
    assert normalised(batch_normalization=False)[0] == []


def test_dense_pair():
    generator = networks.dense_generator(
        latent_dim=3, output_dim=2, units=(8, 4), negative_slope=0.1
    )
    discriminator = networks.dense_discriminator(input_dim=2, units=(8,))
    points = generator(np.ones((5, 3)))
    assert points.shape == (5, 2) and discriminator(points).shape == (5, 1)
    assert generator.count_params() == (3 * 8 + 8) + (8 * 4 + 4) + (4 * 2 + 2)
    assert [
        layer.negative_slope
        for layer in generator.layers
        if isinstance(layer, layers.LeakyReLU)
    ] == [0.1, 0.1]


def test_outputs_are_float32_under_mixed_precision():
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        generator, discriminator = (
            networks.convolutional_generator(filters=4),
            networks.convolutional_discriminator(),
        )
        points, critic = (
            networks.dense_generator(),
            networks.dense_discriminator(),
        )
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    images = generator(np.zeros((2, 100), "float32"))
    outputs = [
        images,
        discriminator(images),
        points(np.zeros((2, 2))),
        critic(np.zeros((2, 2))),
    ]
    assert generator.layers[0].compute_dtype == "bfloat16"
    assert all(
        keras.backend.standardize_dtype(output.dtype) == "float32"
        for output in outputs
    )


@pytest.mark.parametrize(
    "size, grid, doublings",
    [(4, 1, 2), (28, 7, 2), (32, 8, 2), (36, 9, 2), (64, 8, 3), (96, 6, 4)],
)
def test_the_grid_that_an_image_grows_from(size, grid, doublings):
    shape = (size, size, 1)
    generator = networks.convolutional_generator(shape, filters=2)
    discriminator = networks.convolutional_discriminator(shape, filters=2)
    (reshape,) = [x for x in generator.layers if isinstance(x, layers.Reshape)]
    assert reshape.target_shape == (grid, grid, 2**doublings)
    for network, kind in [
        (generator, layers.UpSampling2D),
        (discriminator, layers.Conv2D),
    ]:
        assert sum(type(x) is kind for x in network.layers) == doublings


def test_other_sizes_are_refused():
    for make in (
        networks.convolutional_generator,
        networks.convolutional_discriminator,
    ):
        for shape in [(30, 30, 1), (28, 32, 1), (28, 28), (0, 0, 1)]:
            with pytest.raises(ValueError, match=r"expected \(size, size, cha"):
                make(shape)
        with pytest.raises(ValueError, match="crop to 100 or pad to 104"):
            make((101, 101, 3))
        with pytest.raises(ValueError, match="expected 1 or 3 channels"):
            make((28, 28, 2))
    with pytest.raises(
        ValueError, match="'bilinear'.*'nearest' or 'transpose'"
    ):
        networks.convolutional_generator(upsampling="bilinear")


@pytest.mark.parametrize("name", MODELS)
def test_restart_makes_a_model_as_new(name):
    """As one that is built after the seed is set, and trains as that one."""

    def new(seed):  # small_networks sets the seed first
        return small_model(name, seed=seed, networks_seed=seed)

    options = {"batch_size": 16, "shuffle": False, "verbose": 0}
    model = new(1)
    model.fit(IMAGES, epochs=2, **options)
    step = model.train_function
    for seed in (5, 6):
        networks.restart(model, seed)
        fresh = new(seed)
        metrics = 2 * len(model.metrics)  # running means of the last epoch
        for a, b in zip(
            everything(model)[metrics:],
            everything(fresh)[metrics:],
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)
        for each in (model, fresh):
            each.fit(IMAGES, epochs=2, **options)
        assert_same_run(model, fresh)
    assert model.train_function is step  # not compiled again


def test_restart_keeps_rates_and_takes_any_compiled_network():
    network = networks.dense_discriminator(units=(4,))
    network.compile(keras.optimizers.Adagrad(0.5), "mse")
    network.fit(np.ones((8, 2)), np.ones(8), verbose=0)
    network.optimizer.learning_rate = 0.125
    networks.restart(network, 3)
    keras.utils.set_random_seed(3)
    fresh = networks.dense_discriminator(units=(4,))
    for a, b in zip(network.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert float(network.optimizer.learning_rate) == 0.125
    assert int(network.optimizer.iterations) == 0
    # Adagrad's sums start at 0.1, not at 0
    sums = [v.numpy() for v in network.optimizer.variables[2:]]
    assert sums and all((each == np.float32(0.1)).all() for each in sums)
