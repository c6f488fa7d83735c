"""Image sets, as float32 arrays in [-1, 1]."""

import hashlib
import pathlib
import socket
import zipfile

import keras
import numpy as np
from PIL import Image, UnidentifiedImageError

DATA_FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data"
CHECKSUMS = {
    "mnist-5k.npz": "9346d5cd2b4aa0ec195a5d84000ea6ed3638945390ad10a91737d5950ce27f3c",
    "digit-classifier.keras": "35078b215e4431608f24c8a03fd13d0e22e3799aefa27606bc24ea7ae7557cef",
}
DOWNLOADS = {"mnist": keras.datasets.mnist, "fashion-mnist": keras.datasets.fashion_mnist}
DOWNLOAD_TIMEOUT = 10  # seconds without an answer


def load_images(name="mnist-5k", image_shape=None):
    """Loads an image set, or a folder of pictures.

    - "mnist-5k": 5,000 digits of MNIST, which come with the course, in a shuffled order.
    - "mnist", "fashion-mnist": 70,000 images, the 60,000 of the training set first, then the 10,000 of the test set.
      They are downloaded by `keras.datasets` at the first call and kept in the folder data/.
    - a folder: every picture in it and below it, in the order of their paths. A picture's label is the number of its
      sub-folder among the sorted sub-folders, so one sub-folder per class gives class labels.

    Args:
        name: name of an image set, or path of a folder.
        image_shape: (height, width, channels) to give to all images, channels being 1 (grey) or 3 (RGB). By default
            an image set keeps its own, (28, 28, 1), and pictures of a folder get (28, 28, 1) too.

    Returns:
        images: float32 array (n, height, width, channels), values in [-1, 1].
        labels: int64 array (n,).

    Raises:
        ValueError: if the name is unknown, a file is damaged, or a folder has no pictures or unreadable ones.
        ConnectionError: if a set has to be downloaded and cannot be.
    """
    if image_shape is not None and not (
        len(image_shape) == 3
        and all(isinstance(n, int) and n > 0 for n in image_shape)
        and image_shape[2] in (1, 3)
    ):
        raise ValueError(
            f"image_shape is {image_shape}; expected (height, width, channels) with 1 or 3 channels"
        )
    if name == "mnist-5k":
        pixels, labels = _read_archive(checked_file("mnist-5k.npz"))
    elif name in DOWNLOADS:
        pixels, labels = _download(name)
    elif pathlib.Path(name).is_dir():
        return _load_folder(pathlib.Path(name), image_shape or (28, 28, 1))
    else:
        names = ", ".join(["mnist-5k", *DOWNLOADS])
        raise ValueError(
            f"unknown image set {str(name)!r}; expected one of {names}, or the path of a folder"
        )
    if image_shape is None or image_shape == (28, 28, 1):
        return _to_range(pixels[..., None]), labels.astype(np.int64)
    return _to_range(
        np.stack([_resize(Image.fromarray(p), image_shape) for p in pixels])
    ), labels.astype(np.int64)


def checked_file(file_name):
    """Returns the path of a file that comes with the course, after comparing its sha256.

    Raises:
        ValueError: if the file is missing or is not, to the byte, the one that the course was made with.
    """
    path = DATA_FOLDER / file_name
    if not path.is_file():
        raise ValueError(
            f"{file_name} is missing in {DATA_FOLDER}; restore it with: git checkout -- data/{file_name}"
        )
    found, expected = hashlib.sha256(path.read_bytes()).hexdigest(), CHECKSUMS[file_name]
    if found != expected:
        raise ValueError(
            f"{file_name} is damaged: its sha256 is {found}, expected {expected}; "
            f"restore it with: git checkout -- data/{file_name}"
        )
    return path


def _read_archive(path):
    try:
        with np.load(path) as archive:
            return archive["images"], archive["labels"]
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError) as error:
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
        except (
            Exception
        ) as error:  # keras.datasets raises a bare Exception where there is no connection
            raise ConnectionError(
                f"could not download {name!r}: {error}. Without a network, use 'mnist-5k', which comes with the "
                f"course, or make {path} elsewhere: load {name!r} there once, and copy the file here."
            ) from error
        finally:
            socket.setdefaulttimeout(previous)
        partial = path.with_suffix(".part.npz")
        try:
            images, labels = (np.concatenate([train[i], test[i]]) for i in range(2))
            np.savez_compressed(partial, images=images, labels=labels)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    return _read_archive(path)


def _load_folder(folder, image_shape):
    readable = set(Image.registered_extensions())
    paths = sorted(
        p for p in folder.rglob("*") if p.suffix.lower() in readable and not p.name.startswith(".")
    )
    if not paths:
        raise ValueError(f"no pictures in {folder}; expected files such as .png or .jpg")
    pixels, unreadable = [], []
    for path in paths:
        try:
            with Image.open(path) as picture:
                pixels.append(_resize(picture, image_shape))
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
            unreadable.append(str(path))
    if unreadable:
        raise ValueError(
            f"{len(unreadable)} of {len(paths)} pictures are unreadable: {', '.join(unreadable)}"
        )
    classes = sorted({p.parent for p in paths})
    return _to_range(np.stack(pixels)), np.array([classes.index(p.parent) for p in paths], np.int64)


def _resize(picture, image_shape):
    height, width, channels = image_shape
    picture = picture.convert("L" if channels == 1 else "RGB").resize(
        (width, height), Image.Resampling.LANCZOS
    )
    return np.asarray(picture, np.uint8).reshape(image_shape)


def _to_range(pixels):
    """uint8 in [0, 255] to float32 in [-1, 1]."""
    return pixels.astype(np.float32) / np.float32(127.5) - 1
