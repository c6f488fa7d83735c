"""Networks: shapes, ranges and types for every size that the docstrings promise."""

from gan_lib import networks

import keras
import numpy as np
import pytest
from keras import layers


@pytest.mark.parametrize("upsampling", ["transpose", "nearest"])
@pytest.mark.parametrize("size", [28, 32, 64])
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


def test_other_sizes_are_refused():
    for make in (
        networks.convolutional_generator,
        networks.convolutional_discriminator,
    ):
        for shape in [(30, 30, 1), (28, 32, 1), (28, 28, 2), (28, 28)]:
            with pytest.raises(ValueError, match="28, 32 or 64"):
                make(shape)
    with pytest.raises(
        ValueError, match="'bilinear'.*'nearest' or 'transpose'"
    ):
        networks.convolutional_generator(upsampling="bilinear")
