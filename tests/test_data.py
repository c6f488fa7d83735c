"""Image sets: shapes, ranges and labels, and what happens to damaged files, wrong names and missing networks."""

from gan_lib import data

import shutil
import socket
import types

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "DATA_FOLDER", tmp_path)
    return tmp_path


def test_mnist_5k():
    images, labels = data.load_images()
    assert images.shape == (5000, 28, 28, 1) and images.dtype == np.float32
    assert images.min() == -1 and images.max() == 1
    assert labels.dtype == np.int64 and np.bincount(labels).tolist() == [500] * 10
    assert np.bincount(labels[-1000:]).min() > 80  # shuffled: a slice holds all digits
    # A 0 is empty in the middle and a 1 is not: images and labels belong together.
    middle = images[:, 12:16, 12:16].mean(axis=(1, 2, 3))
    assert middle[labels == 1].mean() > 0.2 > -0.6 > middle[labels == 0].mean()


def test_images_are_resized_on_demand():
    images, _ = data.load_images("mnist-5k", image_shape=(32, 32, 3))
    assert images.shape == (5000, 32, 32, 3) and -1 <= images.min() < images.max() <= 1
    np.testing.assert_array_equal(images[..., 0], images[..., 2])
    original, _ = data.load_images("mnist-5k")
    assert abs(images.mean() - original.mean()) < 0.01


@pytest.mark.parametrize("name", list(data.CHECKSUMS))
def test_one_flipped_byte_is_caught(name, data_folder):
    shipped = data.pathlib.Path(data.__file__).parent.parent / "data" / name
    shutil.copy(shipped, data_folder)
    assert data.checked_file(name) == data_folder / name
    damaged = bytearray(shipped.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (data_folder / name).write_bytes(damaged)
    with pytest.raises(ValueError, match=f"{name} is damaged.*git checkout"):
        data.checked_file(name)
    (data_folder / name).unlink()
    with pytest.raises(ValueError, match="missing"):
        data.checked_file(name)


def test_unknown_name_lists_the_right_ones():
    with pytest.raises(ValueError, match="'cifar'.*mnist-5k, mnist, fashion-mnist"):
        data.load_images("cifar")


@pytest.mark.parametrize("image_shape", [(28, 28), (28, 28, 2), (0, 28, 1), (28.0, 28, 1)])
def test_bad_image_shape(image_shape):
    with pytest.raises(ValueError, match="height, width, channels"):
        data.load_images("mnist-5k", image_shape=image_shape)


def test_download_is_kept_and_read_again(data_folder, monkeypatch):
    rng = np.random.default_rng(0)
    train = rng.integers(0, 256, (6, 28, 28), np.uint8), np.arange(6, dtype=np.uint8)
    test = rng.integers(0, 256, (2, 28, 28), np.uint8), np.array([8, 9], np.uint8)
    calls = []

    def load_data():
        calls.append(socket.getdefaulttimeout())
        return train, test

    monkeypatch.setitem(data.DOWNLOADS, "mnist", types.SimpleNamespace(load_data=load_data))
    for _ in range(2):
        images, labels = data.load_images("mnist")
        assert labels.tolist() == [0, 1, 2, 3, 4, 5, 8, 9]
        np.testing.assert_allclose(images[6, :, :, 0], test[0][0] / 127.5 - 1, atol=1e-6)
    assert calls == [data.DOWNLOAD_TIMEOUT] and socket.getdefaulttimeout() is None
    assert [p.name for p in data_folder.iterdir()] == ["mnist.npz"]

    (data_folder / "mnist.npz").write_bytes((data_folder / "mnist.npz").read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged.*delete it"):
        data.load_images("mnist")


def test_without_a_network_the_error_says_what_to_do(data_folder, monkeypatch):
    def load_data():
        raise Exception("URL fetch failure: timed out")

    monkeypatch.setitem(data.DOWNLOADS, "fashion-mnist", types.SimpleNamespace(load_data=load_data))
    with pytest.raises(ConnectionError, match="timed out.*mnist-5k.*comes with the course"):
        data.load_images("fashion-mnist")
    assert not list(data_folder.iterdir()) and socket.getdefaulttimeout() is None


def test_folder_of_pictures(tmp_path):
    (tmp_path / "cats").mkdir()
    (tmp_path / "dogs").mkdir()
    Image.new("RGB", (50, 30), (255, 0, 0)).save(tmp_path / "cats" / "a.png")
    Image.new("L", (10, 90), 0).save(tmp_path / "dogs" / "b.JPG")
    (tmp_path / "notes.txt").write_text("no picture")
    images, labels = data.load_images(tmp_path, image_shape=(64, 32, 3))
    assert (
        images.shape == (2, 64, 32, 3) and images.dtype == np.float32 and labels.tolist() == [0, 1]
    )
    np.testing.assert_allclose(images[0], np.broadcast_to([1.0, -1.0, -1.0], (64, 32, 3)))
    np.testing.assert_allclose(images[1], -1.0)
    grey, _ = data.load_images(str(tmp_path))
    assert grey.shape == (2, 28, 28, 1)
    np.testing.assert_allclose(grey[0], 76 / 127.5 - 1, atol=1e-6)  # luma of pure red: 0.299 * 255


def test_bad_folders(tmp_path):
    with pytest.raises(ValueError, match="no pictures"):
        data.load_images(tmp_path)
    Image.new("L", (8, 8)).save(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    truncated = (tmp_path / "good.png").read_bytes()[:45]
    (tmp_path / "cut.png").write_bytes(truncated)
    with pytest.raises(ValueError, match="2 of 3 pictures.*broken.png.*cut.png"):
        data.load_images(tmp_path)
