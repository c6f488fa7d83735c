"""Generators and discriminators, as functions that return Keras models.

A discriminator returns one logit an example, without a sigmoid. A critic (chapters 06 and 07) is the same network, and
its output is called a score. Every network computes its output in float32, under mixed precision too.

The convolutional networks follow Radford et al. 2016, "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks" (arXiv:1511.06434): strided convolutions instead of pooling, LeakyReLU in the
discriminator, tanh at the generator's output, and no batch normalisation there.
"""

import keras
from keras import layers


def dense_generator(
    latent_dim=2, output_dim=2, units=(128, 128, 128), negative_slope=0.0
):
    """A generator of points: dense layers with LeakyReLU, then a linear one.

    Args:
        latent_dim: length of a latent vector.
        output_dim: length of a generated point.
        units: units of each hidden layer.
        negative_slope: slope of the activation below 0; 0 gives ReLU.

    Returns:
        Keras model, (batch, latent_dim) to (batch, output_dim).
    """
    model = keras.Sequential(name="generator")
    model.add(keras.Input((latent_dim,)))
    for n in units:
        model.add(layers.Dense(n))
        model.add(layers.LeakyReLU(negative_slope))
    model.add(layers.Dense(output_dim, dtype="float32"))
    return model


def dense_discriminator(input_dim=2, units=(128, 128, 128), negative_slope=0.0):
    """A discriminator of points: dense layers with LeakyReLU, then one logit.

    Args:
        input_dim: length of a point.
        units: units of each hidden layer.
        negative_slope: slope of the activation below 0; 0 gives ReLU.

    Returns:
        Keras model, (batch, input_dim) to logits (batch, 1).
    """
    model = keras.Sequential(name="discriminator")
    model.add(keras.Input((input_dim,)))
    for n in units:
        model.add(layers.Dense(n))
        model.add(layers.LeakyReLU(negative_slope))
    model.add(layers.Dense(1, dtype="float32"))
    return model


def convolutional_generator(
    image_shape=(28, 28, 1),
    latent_dim=100,
    filters=32,
    hidden_units=256,
    upsampling="nearest",
    batch_normalization=True,
):
    """A generator of images: two dense layers to a small grid, doubled in size until it is an image.

    Images of 28 or 32 pixels are doubled twice (from 7 or 8), images of 64 pixels three times (from 8).

    Args:
        image_shape: (height, width, channels) of the images: 28, 32 or 64 pixels square, 1 or 3 channels.
        latent_dim: length of a latent vector.
        filters: filters before the last layer; the number doubles with each layer away from the image.
        hidden_units: units of the first dense layer, which lets distant parts of an image agree.
        upsampling: how a grid is doubled: "nearest" for UpSampling2D, which repeats each value, then Conv2D with
            kernel 3, or "transpose" for Conv2DTranspose with kernel 4 and stride 2.
        batch_normalization: whether to normalise the batch after each hidden layer.

    Returns:
        Keras model, (batch, latent_dim) to images (batch, height, width, channels) in [-1, 1].

    Raises:
        ValueError: if the image shape or the upsampling is not one of these.
    """
    if tuple(image_shape) not in {
        (size, size, channels) for size in (28, 32, 64) for channels in (1, 3)
    }:
        raise ValueError(
            f"image_shape is {image_shape}; expected 28, 32 or 64 pixels square with 1 or 3 channels"
        )
    if upsampling not in ("nearest", "transpose"):
        raise ValueError(
            f"upsampling is {upsampling!r}; expected 'nearest' or 'transpose'"
        )
    size, _, channels = image_shape
    doublings = 3 if size == 64 else 2
    grid = size // 2**doublings
    units = filters * 2 ** (doublings - 1)

    model = keras.Sequential(name="generator")
    model.add(keras.Input((latent_dim,)))
    model.add(layers.Dense(hidden_units, use_bias=not batch_normalization))
    if batch_normalization:
        model.add(layers.BatchNormalization())
    model.add(layers.LeakyReLU(0.2))
    model.add(
        layers.Dense(grid * grid * units, use_bias=not batch_normalization)
    )
    if batch_normalization:
        model.add(layers.BatchNormalization())
    model.add(layers.LeakyReLU(0.2))
    model.add(layers.Reshape((grid, grid, units)))
    for doubling in range(doublings):
        last = doubling == doublings - 1
        units = channels if last else units // 2
        bias = last or not batch_normalization
        if upsampling == "transpose":
            model.add(
                layers.Conv2DTranspose(
                    units, 4, strides=2, padding="same", use_bias=bias
                )
            )
        else:
            model.add(layers.UpSampling2D())
            model.add(layers.Conv2D(units, 3, padding="same", use_bias=bias))
        if batch_normalization and not last:
            model.add(layers.BatchNormalization())
        if not last:
            model.add(layers.LeakyReLU(0.2))
    model.add(layers.Activation("tanh", dtype="float32"))
    return model


def convolutional_discriminator(
    image_shape=(28, 28, 1), filters=32, hidden_units=256, dropout=0.3
):
    """A discriminator of images: convolutions with stride 2, a dense layer, one logit. No batch normalisation.

    Args:
        image_shape: (height, width, channels) of the images: 28, 32 or 64 pixels square, 1 or 3 channels.
        filters: filters of the first layer; the number doubles with each layer.
        hidden_units: units of the dense layer, which sees the whole image at once.
        dropout: share of the activations that are dropped after each convolution, in [0, 1); 0 for a critic.

    Returns:
        Keras model, images (batch, height, width, channels) to logits (batch, 1).

    Raises:
        ValueError: if the image shape is not one of these.
    """
    if tuple(image_shape) not in {
        (size, size, channels) for size in (28, 32, 64) for channels in (1, 3)
    }:
        raise ValueError(
            f"image_shape is {image_shape}; expected 28, 32 or 64 pixels square with 1 or 3 channels"
        )
    model = keras.Sequential(name="discriminator")
    model.add(keras.Input(image_shape))
    for halving in range(3 if image_shape[0] == 64 else 2):
        model.add(
            layers.Conv2D(filters * 2**halving, 4, strides=2, padding="same")
        )
        model.add(layers.LeakyReLU(0.2))
        if dropout:
            model.add(layers.Dropout(dropout))
    model.add(layers.Flatten())
    model.add(layers.Dense(hidden_units))
    model.add(layers.LeakyReLU(0.2))
    model.add(layers.Dense(1, dtype="float32"))
    return model
