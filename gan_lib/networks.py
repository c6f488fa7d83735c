"""Generators and discriminators, as functions that return Keras models.

A discriminator returns one logit an example, without a sigmoid. A critic
(chapters 06 and 07) is the same network, and its output is called a score.
Every network computes its output in float32, under mixed precision too.

The convolutional networks follow Radford et al. 2016, "Unsupervised
Representation Learning with Deep Convolutional Generative Adversarial
Networks" (arXiv:1511.06434): strided convolutions instead of pooling,
LeakyReLU in the discriminator, tanh at the generator's output, and no batch
normalisation there.
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
    """A generator of images: dense layers to a small grid, doubled in size.

    The grid is doubled twice at least, and as often as its side can be halved
    while it is longer than 8: 28 pixels come from a grid of 7, 64 from one of
    8 in three doublings.

    Args:
        image_shape: (size, size, channels) of the images: a multiple of 4,
            and 1 or 3 channels.
        latent_dim: length of a latent vector.
        filters: filters before the last layer; the number doubles with each
            layer away from the image.
        hidden_units: units of the first dense layer, which lets distant parts
            of an image agree.
        upsampling: how a grid is doubled: "nearest" for UpSampling2D, which
            repeats each value, then Conv2D with kernel 3, or "transpose" for
            Conv2DTranspose with kernel 4 and stride 2.
        batch_normalization: whether to normalise the batch after each hidden
            layer.

    Returns:
        Keras model, (batch, latent_dim) to images (batch, size, size,
        channels) in [-1, 1].

    Raises:
        ValueError: if the image shape or the upsampling is not one of these.
    """
    size, *_, channels = image_shape
    if tuple(image_shape) != (size, size, channels) or size % 4 or size < 4:
        below = size // 4 * 4
        raise ValueError(
            f"image_shape is {image_shape}; expected (size, size, channels), "
            f"a multiple of 4: crop to {below} or pad to {below + 4}"
        )
    if channels not in (1, 3):
        raise ValueError(f"received {channels}; expected 1 or 3 channels")
    if upsampling not in ("nearest", "transpose"):
        raise ValueError(
            f"upsampling is {upsampling!r}; expected 'nearest' or 'transpose'"
        )
    doublings, grid = 2, size // 4
    while grid > 8 and grid % 2 == 0:
        doublings, grid = doublings + 1, grid // 2
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
        options = {
            "padding": "same",
            "use_bias": last or not batch_normalization,
        }
        if upsampling == "transpose":
            model.add(layers.Conv2DTranspose(units, 4, strides=2, **options))
        else:
            model.add(layers.UpSampling2D())
            model.add(layers.Conv2D(units, 3, **options))
        if batch_normalization and not last:
            model.add(layers.BatchNormalization())
        if not last:
            model.add(layers.LeakyReLU(0.2))
    model.add(layers.Activation("tanh", dtype="float32"))
    return model


def convolutional_discriminator(
    image_shape=(28, 28, 1), filters=32, hidden_units=256, dropout=0.3
):
    """A discriminator of images: strided convolutions, dense layer, one logit.

    Each convolution halves the image: two of them at least, and as many as
    `convolutional_generator` has doublings. No batch normalisation.

    Args:
        image_shape: (size, size, channels) of the images: a multiple of 4,
            and 1 or 3 channels.
        filters: filters of the first layer; the number doubles with each layer.
        hidden_units: units of the dense layer, which sees the whole image at
            once.
        dropout: share of the activations that are dropped after each
            convolution, in [0, 1); 0 for a critic.

    Returns:
        Keras model, images (batch, size, size, channels) to logits (batch, 1).

    Raises:
        ValueError: if the image shape is not one of these.
    """
    size, *_, channels = image_shape
    if tuple(image_shape) != (size, size, channels) or size % 4 or size < 4:
        below = size // 4 * 4
        raise ValueError(
            f"image_shape is {image_shape}; expected (size, size, channels), "
            f"a multiple of 4: crop to {below} or pad to {below + 4}"
        )
    if channels not in (1, 3):
        raise ValueError(f"received {channels}; expected 1 or 3 channels")
    halvings, grid = 2, size // 4
    while grid > 8 and grid % 2 == 0:
        halvings, grid = halvings + 1, grid // 2

    model = keras.Sequential(name="discriminator")
    model.add(keras.Input(image_shape))
    for halving in range(halvings):
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


def restart(model, seed):
    """Makes a model new without building or compiling it again.

    Weights are drawn anew, optimizers lose their state, and random states
    start from the seed: the model is as one that was built and compiled right
    after `keras.utils.set_random_seed(seed)`, the generator first. Learning
    rates stay as they are now. The compiled training step is kept, so that
    many short runs spare the seconds of compilation.

    Args:
        model: GAN, WGAN or WGANGP, or any compiled Keras model. A network
            without trainable weights stays as it is.
        seed: integer, 0 or more.
    """
    import random  # from which Keras draws the seeds of its layers

    # set_random_seed would have TensorFlow prepare the compiled step anew
    random.seed(seed)
    roles = ("generator", "discriminator", "critic")
    players = [getattr(model, role) for role in roles if hasattr(model, role)]
    for network in players or [model]:
        if network.trainable_variables:
            fresh = keras.models.clone_model(network)
            pairs = zip(network.variables, fresh.variables, strict=True)
            for variable, new in pairs:
                variable.assign(new)
    if players:
        model.seed_generator.state.assign([seed, 0])
    for optimizer in vars(model).values():
        if isinstance(optimizer, keras.optimizers.Optimizer):
            fresh = type(optimizer).from_config(optimizer.get_config())
            fresh.build(optimizer._trainable_variables)
            pairs = zip(optimizer.variables, fresh.variables, strict=True)
            for variable, new in pairs:
                variable.assign(new)
