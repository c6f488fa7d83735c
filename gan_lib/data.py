"""Image sets as float32 arrays in [-1, 1], distributions of points in the
plane, and batches for training."""

import difflib
import hashlib
import numbers
import os
import pathlib
import socket
import zipfile

import keras
import numpy as np
import tensorflow as tf
from PIL import Image, ImageColor, ImageOps, UnidentifiedImageError
from sklearn.datasets import make_swiss_roll

DATA_FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data"
CHECKSUMS = {
    "mnist-5k.npz": "9346d5cd2b4aa0ec195a5d84000ea6ed3638945390ad10a91737d5950ce27f3c",
    "fashion-mnist-5k.npz": "c70f5bd9f61e07c85702944901cd5bebaa057c95496cf1d7572c7cc6d3a2e938",
    "digit-classifier.keras": "35078b215e4431608f24c8a03fd13d0e22e3799aefa27606bc24ea7ae7557cef",
}
WITH_THE_COURSE = ["mnist-5k", "fashion-mnist-5k"]
DOWNLOADS = {
    "mnist": keras.datasets.mnist,
    "fashion-mnist": keras.datasets.fashion_mnist,
}
DOWNLOAD_TIMEOUT = 10  # seconds without an answer


def load_images(
    name="mnist-5k", image_shape=None, fit=None, background="white"
):
    """Loads an image set, or a folder of pictures.

    - "mnist-5k", "fashion-mnist-5k": 5,000 digits of MNIST and 5,000 garments
      of Fashion-MNIST, 500 of each class in a shuffled order. They come with
      the course.
    - "mnist", "fashion-mnist": 70,000 images, the 60,000 of the training set
      first, then the 10,000 of the test set. They are downloaded by
      `keras.datasets` at the first call and kept in the folder data/.
    - a folder: every picture in it and below it, in the order of their paths.
      The folders that hold pictures are the classes, so one sub-folder per
      class gives class labels. They are sorted by path, as text ("10" comes
      before "2"), and numbered from 0. Pictures at the top, outside all
      sub-folders, are a class too, the first.

    In a folder, links are followed. Hidden files and folders, `__MACOSX`, and
    files without a picture's suffix (.png, .jpg and so on) are ignored.

    Pictures of all kinds become grey or RGB of 8 bits a channel. They are
    turned upright as their camera noted (EXIF). An animation gives its first
    frame. Grey pictures of more than 8 bits have 0 for black and 65,535 for
    white, whatever values occur; floating-point pictures have 0 and 1.

    Args:
        name: name of an image set, or path of a folder; ~ is the home folder.
        image_shape: (height, width, channels) to give to all images, channels
            being 1 (grey) or 3 (RGB). By default an image set keeps its own,
            (28, 28, 1), and pictures of a folder get (28, 28, 1) too.
        fit: how an image of other proportions is made to fit. "crop" keeps
            the largest central part of the right proportions, "pad" keeps
            the whole image and adds borders of the background, "squeeze"
            distorts it. By default pictures of a folder are cropped, and the
            images of a set, which fill their frame, are squeezed.
        background: colour behind transparent parts, and of the borders of
            "pad": a name such as "black" or "#ff8000", or (red, green, blue),
            integers from 0 to 255.

    Returns:
        images: float32 array (n, height, width, channels), values in [-1, 1].
        labels: int64 array (n,).

    Raises:
        ValueError: if an argument is none of these, a folder does not exist or
            has no pictures, a file is damaged, or the values of a picture are
            out of range.
        ConnectionError: if a set has to be downloaded and cannot be.
    """
    name, image_shape = _checked_name(name), _checked_shape(image_shape)
    background = _checked_colour(background)
    if fit not in (None, "crop", "pad", "squeeze"):
        raise ValueError(f"fit is {fit!r}; expected 'crop', 'pad' or 'squeeze'")
    if name in WITH_THE_COURSE:
        pixels, labels = _read_archive(checked_file(f"{name}.npz"))
    elif name in DOWNLOADS:
        pixels, labels = _download(name)
    else:
        shape = image_shape or (28, 28, 1)
        return _load_folder(name, shape, fit or "crop", background)
    if image_shape in (None, (28, 28, 1)):
        pixels = pixels[..., None]
    else:
        pixels = np.stack(
            [
                _resize(
                    Image.fromarray(image),
                    image_shape,
                    fit or "squeeze",
                    background,
                )
                for image in pixels
            ]
        )
    return _to_range(pixels), labels.astype(np.int64)


def _checked_name(name):
    """Returns the name of an image set, or the `pathlib.Path` of a folder."""
    sets = [*WITH_THE_COURSE, *DOWNLOADS]
    known = ", ".join(sets)
    expected = f"expected one of {known}, or the path of a folder"
    if not isinstance(name, (str, os.PathLike)):
        kind = type(name).__name__
        raise ValueError(f"name is of type {kind}; {expected}")
    if isinstance(name, str) and name in sets:
        return name
    path = os.path.expanduser(name)
    if path and os.path.isdir(path):
        return pathlib.Path(path)
    if os.path.isfile(path):
        raise ValueError(f"{str(name)!r} is a file; {expected}")
    is_path = not isinstance(name, str) or os.sep in name
    if is_path or name.startswith(("~", ".")):
        raise ValueError(
            f"the folder {str(name)!r} does not exist: there is no "
            f"{os.path.abspath(path)}"
        )
    similar = difflib.get_close_matches(name.lower(), sets, n=1)
    hint = f"did you mean {similar[0]!r}? " if similar else ""
    raise ValueError(f"unknown image set {name!r}; {hint}{expected}")


def _checked_shape(image_shape):
    if image_shape is None:
        return None
    shape = np.asarray(image_shape, object)
    if (
        shape.shape != (3,)
        or not all(_is_integer(n) and n > 0 for n in shape)
        or shape[2] not in (1, 3)
    ):
        raise ValueError(
            f"image_shape is {image_shape!r}; expected (height, width, "
            "channels), integers of 1 or more, with 1 or 3 channels"
        )
    return tuple(int(n) for n in shape)


def _checked_colour(background):
    """Returns (red, green, blue)."""
    try:
        is_name = isinstance(background, str)
        colour = ImageColor.getrgb(background) if is_name else (*background,)
        if len(colour) == 3 and all(
            _is_integer(value) and 0 <= value <= 255 for value in colour
        ):
            return tuple(int(value) for value in colour)
    except (TypeError, ValueError):
        pass  # no name of a colour, or nothing that has members
    raise ValueError(
        f"background is {background!r}; expected the name of a colour, such "
        "as 'black' or '#ff8000', or (red, green, blue) from 0 to 255"
    )


def _is_integer(value):
    """True and False are integers for Python, but mean no size or colour."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def stacked_digits(images, labels, n, seed=0):
    """Stacked MNIST: each image holds three digits drawn at random, one in each
    colour channel.

    There are 1,000 kinds, or modes, and all are equally likely where all ten
    digits are equally frequent. Metz et al. 2017, "Unrolled Generative
    Adversarial Networks" (arXiv:1611.02163), section 3.3.1.

    Args:
        images: float array (m, 28, 28, 1) of digits, such as `load_images`
            returns.
        labels: int array (m,), 0 to 9.
        n: number of stacked images; 26,000 of them take 245 MB.
        seed: integer.

    Returns:
        images: array (n, 28, 28, 3) of the digits' type and range.
        labels: int64 array (n,), 0 to 999: 100 times the digit in red, plus 10
            times that in green, plus that in blue.

    Raises:
        ValueError: if there are no digits, one has no label, or n is out of
            range.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if (
        images.shape[1:] != (28, 28, 1)
        or labels.shape != (len(images),)
        or not len(images)
    ):
        raise ValueError(
            f"received images {images.shape} and labels {labels.shape}; "
            "expected (m, 28, 28, 1) and (m,)"
        )
    if n < 1:
        raise ValueError(f"received n={n}; expected 1 or more")
    rows = np.random.default_rng(seed).integers(len(images), size=(3, n))
    stacked = np.concatenate([images[channel] for channel in rows], axis=3)
    return stacked, np.array([100, 10, 1]) @ labels[rows]


def ring(n=100_000, modes=8, radius=1.0, sigma=0.01, seed=0):
    """Draws points from equal Gaussians, evenly spaced on a circle: one mode
    each.

    The defaults are the ring of Lin et al. 2018, "PacGAN" (arXiv:1712.04086),
    section 4.1.

    Args:
        n: number of points.
        modes: number of Gaussians.
        radius: of the circle.
        sigma: standard deviation of each Gaussian, in both directions.
        seed: integer.

    Returns:
        points: float32 array (n, 2).
        centres: float32 array (modes, 2).

    Raises:
        ValueError: if a number is out of range.
    """
    angles = (
        2 * np.pi * np.arange(modes) / modes
    )  # modes different angles: 2 pi itself is not among them
    return _mixture(
        n,
        radius * np.stack([np.cos(angles), np.sin(angles)], axis=1),
        sigma,
        seed,
    )


def grid(n=100_000, side=5, spacing=2.0, sigma=0.05, seed=0):
    """Draws points from equal Gaussians on a square grid around the origin: one
    mode each.

    The defaults are the grid of Lin et al. 2018, "PacGAN" (arXiv:1712.04086),
    section 4.1: {-4, -2, 0, 2, 4}^2.

    Args:
        n: number of points.
        side: Gaussians in a row, and rows.
        spacing: distance of two neighbouring centres.
        sigma: standard deviation of each Gaussian, in both directions.
        seed: integer.

    Returns:
        points: float32 array (n, 2).
        centres: float32 array (side * side, 2).

    Raises:
        ValueError: if a number is out of range.
    """
    line = spacing * (np.arange(side) - (side - 1) / 2)
    return _mixture(
        n,
        np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2),
        sigma,
        seed,
    )


def _mixture(n, centres, sigma, seed):
    if n < 1 or len(centres) < 1 or sigma < 0:
        raise ValueError(
            f"received n={n}, {len(centres)} modes and sigma={sigma}; "
            "expected 1 or more points, 1 or more modes, and sigma of 0 or more"
        )
    random = np.random.default_rng(seed)
    points = centres[
        random.integers(len(centres), size=n)
    ] + sigma * random.normal(size=(n, 2))
    return points.astype(np.float32), centres.astype(np.float32)


def swiss_roll(n=100_000, noise=0.25, seed=0):
    """Draws points from a Swiss roll in the plane: a spiral line with Gaussian
    noise, divided by 7.5.

    These are the data of Gulrajani et al. 2017, "Improved Training of
    Wasserstein GANs" (arXiv:1704.00028), figure 1, with the noise and the scale
    of its released code: two of the three axes of scikit-learn's
    `make_swiss_roll`.

    Args:
        n: number of points.
        noise: standard deviation of the noise in each direction, before the
            division by 7.5.
        seed: integer.

    Returns:
        points: float32 array (n, 2), about -2 to 2.
        angles: float32 array (n,), where on the line each point belongs, in
            radians: without noise, the angle t is at (t cos t, t sin t) / 7.5.

    Raises:
        ValueError: if a number is out of range.
    """
    if n < 1 or noise < 0:
        raise ValueError(
            f"received n={n} and noise={noise}; expected 1 or more points, "
            "and noise of 0 or more"
        )
    points, angles = make_swiss_roll(n, noise=noise, random_state=seed)
    return (points[:, [0, 2]] / 7.5).astype(np.float32), angles.astype(
        np.float32
    )


def spiral(latent):
    """Maps the latent square [-1, 1]^2 to a spiral: radius 0.05 + 0.45 (z0 + 1)
    + 0.05 z1, angle 3 pi z0.

    Uniform latent vectors give the data of chapter 03. A generator could learn
    this very map.

    Args:
        latent: float array (n, 2), values in [-1, 1].

    Returns:
        float32 array (n, 2) of points, at most 1 from the origin.

    Raises:
        ValueError: if the latent vectors have another shape or range.
    """
    latent = np.asarray(latent)
    if (
        latent.ndim != 2
        or latent.shape[1] != 2
        or not np.all(np.abs(latent) <= 1)
    ):
        raise ValueError(
            f"received latent vectors of shape {latent.shape}; expected (n, "
            "2), values in [-1, 1]"
        )
    radius = 0.05 + 0.45 * (latent[:, 0] + 1) + 0.05 * latent[:, 1]
    angle = 3 * np.pi * latent[:, 0]
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return points.astype(np.float32)


def lattice(columns, rows, limit=1.0):
    """Points in straight rows and columns over the square [-limit, limit]^2,
    row by row from below.

    Args:
        columns, rows: how many points in a row, and rows.
        limit: half of the square's side.

    Returns:
        float32 array (rows * columns, 2). An array of one number a point
        reshapes to (rows, columns).
    """
    lines = (
        np.linspace(-limit, limit, columns),
        np.linspace(-limit, limit, rows),
    )
    return (
        np.stack(np.meshgrid(*lines), axis=-1).reshape(-1, 2).astype(np.float32)
    )


def batches(examples, batch_size, seed=0):
    """A `tf.data.Dataset` of shuffled batches for `fit(..., shuffle=False)`, in
    a new order each epoch.

    `fit` takes an array too, but is slower then. Row numbers are shuffled here,
    all at once, where tf.data's own `shuffle` moves one example after the
    other: for points in the plane, steps that train a small network are up to
    1.4 times faster. And tf.data tunes itself in a thread that sleeps between
    two looks, for which TensorFlow 2.21 waits at the end of each epoch: epochs
    of a few seconds take up to 1.5 times as long. Here the tuning is off.
    (`shuffle=False` is for Keras, which would warn that it cannot shuffle a
    dataset.)

    Args:
        examples: array (n, ...).
        batch_size: examples in a batch; the last one of an epoch holds what is
            left.
        seed: integer; the same seed gives the same orders.

    Raises:
        ValueError: if there are no examples, or a batch would hold none.
    """
    if len(examples) < 1 or batch_size < 1:
        raise ValueError(
            f"received {len(examples)} examples and batch_size={batch_size}; "
            "expected 1 or more of both"
        )
    rows, examples = tf.range(len(examples)), tf.constant(examples)
    seeds = (
        tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
        .batch(2)
        .take(1)
    )
    orders = seeds.map(
        lambda seed: tf.random.experimental.stateless_shuffle(rows, seed)
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = orders.rebatch(batch_size).map(
        lambda rows: tf.gather(examples, rows)
    )
    number = tf.data.experimental.assert_cardinality(
        -(-len(examples) // batch_size)
    )
    return dataset.apply(number).prefetch(2).with_options(options)


def checked_file(file_name):
    """Returns the path of a file that comes with the course, after comparing
    its sha256.

    Raises:
        ValueError: if the file is missing or is not, to the byte, the one that
            the course was made with.
    """
    path = DATA_FOLDER / file_name
    if not path.is_file():
        raise ValueError(
            f"{file_name} is missing in {DATA_FOLDER}; restore it with: git "
            f"checkout -- data/{file_name}"
        )
    found, expected = (
        hashlib.sha256(path.read_bytes()).hexdigest(),
        CHECKSUMS[file_name],
    )
    if found != expected:
        raise ValueError(
            f"{file_name} is damaged: its sha256 is {found}, expected "
            f"{expected}; "
            f"restore it with: git checkout -- data/{file_name}"
        )
    return path


def _read_archive(path):
    try:
        with np.load(path) as archive:
            return archive["images"], archive["labels"]
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        EOFError,
        OSError,
    ) as error:
        raise ValueError(
            f"{path} is damaged ({error}); delete it and load the set again"
        ) from error


def _download(name):
    path = DATA_FOLDER / f"{name}.npz"
    if not path.exists():
        previous = socket.getdefaulttimeout()
        socket.setdefaulttimeout(DOWNLOAD_TIMEOUT)
        try:
            train, test = DOWNLOADS[name].load_data()
        except Exception as error:  # keras.datasets raises a bare Exception where there is no connection
            raise ConnectionError(
                f"could not download {name!r}: {error}. Without a network, "
                f"use '{name}-5k', which comes with the course, or make {path} "
                f"elsewhere: load {name!r} there once, and copy the file here."
            ) from error
        finally:
            socket.setdefaulttimeout(previous)
        partial = path.with_suffix(".part.npz")
        try:
            images, labels = (
                np.concatenate([train[i], test[i]]) for i in range(2)
            )
            np.savez_compressed(partial, images=images, labels=labels)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    return _read_archive(path)


def _load_folder(folder, image_shape, fit, background):
    paths = sorted(_find_pictures(folder))
    if not paths:
        raise ValueError(
            f"no pictures in {folder}; expected files such as .png or .jpg"
        )
    pixels, faults = [], []
    for path in paths:
        try:
            # Of a path, Pillow 13.0 garbles TIFF pictures that are turned.
            with path.open("rb") as file, Image.open(file) as picture:
                picture = _flatten(picture, background)
            pixels.append(_resize(picture, image_shape, fit, background))
        except UnidentifiedImageError:
            faults.append(f"{path}: no picture, or its first bytes are damaged")
        except Exception as error:  # Pillow's are of many kinds
            faults.append(f"{path}: {str(error) or repr(error)}")
    if faults:
        first = "\n".join(faults[:10])
        more = f"\nand {len(faults) - 10} more" if len(faults) > 10 else ""
        raise ValueError(
            f"{len(faults)} of {len(paths)} pictures cannot be used:\n"
            f"{first}{more}"
        )
    classes = sorted({path.parent for path in paths})
    number = {parent: i for i, parent in enumerate(classes)}
    labels = np.array([number[path.parent] for path in paths], np.int64)
    return _to_range(np.stack(pixels)), labels


def _find_pictures(folder, above=()):
    """Paths of the pictures in a folder and below it, links followed."""
    real = os.path.realpath(folder)
    if real in above:  # a link back to a folder that holds it
        return []
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise ValueError(f"cannot list the folder {folder}: {error}") from error
    # Pillow knows these suffixes, but reads no such files.
    not_readable = {".h5", ".hdf", ".mpeg", ".mpg", ".pdf"}
    readable = set(Image.registered_extensions()) - not_readable
    paths = []
    for path in entries:
        if path.name.startswith(".") or path.name == "__MACOSX":
            continue
        if os.path.isdir(path):
            paths += _find_pictures(path, (*above, real))
        elif path.suffix.lower() in readable:
            paths.append(path)
    return paths


def _flatten(picture, background):
    """The picture upright, of 8 bits a channel, and nothing transparent."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode == "F":
        picture = _to_8_bits(picture, white=1)
    elif picture.mode.startswith("I"):  # "I", "I;16", "I;16B"
        picture = _to_8_bits(picture, white=65535)
    if picture.has_transparency_data:
        behind = Image.new("RGBA", picture.size, background)
        picture = Image.alpha_composite(behind, picture.convert("RGBA"))
    return picture


def _to_8_bits(picture, white):
    values = np.asarray(picture)
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= white):  # nor is NaN in the range
        raise ValueError(
            f"mode {picture.mode!r} with values from {low} to {high}; "
            f"expected 0 for black to {white} for white"
        )
    grey = Image.fromarray(np.rint(values * (255 / white)).astype(np.uint8))
    if "transparency" in picture.info:  # the one value that is transparent
        opaque = values != picture.info["transparency"]
        grey.putalpha(Image.fromarray(opaque))
    return grey


def _resize(picture, image_shape, fit, background):
    height, width, channels = image_shape
    size, method = (width, height), Image.Resampling.LANCZOS
    picture = picture.convert("RGB")
    if fit == "crop":
        picture = ImageOps.fit(picture, size, method)
    elif fit == "pad":
        before = picture.size
        picture = ImageOps.contain(picture, size, method)
        if 0 in picture.size:
            raise ValueError(
                f"nothing is left of {before[0]} x {before[1]} pixels in an "
                f"image of {width} x {height}; use another fit"
            )
        picture = ImageOps.pad(picture, size, color=background)
    else:
        picture = picture.resize(size, method)
    picture = picture.convert("L" if channels == 1 else "RGB")
    return np.asarray(picture, np.uint8).reshape(image_shape)


def _to_range(pixels):
    """uint8 in [0, 255] to float32 in [-1, 1]."""
    return pixels.astype(np.float32) / np.float32(127.5) - 1
