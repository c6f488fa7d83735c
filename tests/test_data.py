"""Image sets: shapes, ranges and labels, and what happens to damaged files, wrong names and missing networks."""

from gan_lib import data

import shutil
import socket
import types

import numpy as np
import pytest
import scipy.stats
from PIL import Image


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "DATA_FOLDER", tmp_path)
    return tmp_path


def test_mnist_5k():
    images, labels = data.load_images()
    assert images.shape == (5000, 28, 28, 1) and images.dtype == np.float32
    assert images.min() == -1 and images.max() == 1
    assert (
        labels.dtype == np.int64 and np.bincount(labels).tolist() == [500] * 10
    )
    assert (
        np.bincount(labels[-1000:]).min() > 80
    )  # shuffled: a slice holds all digits
    # A 0 is empty in the middle and a 1 is not: images and labels belong together.
    middle = images[:, 12:16, 12:16].mean(axis=(1, 2, 3))
    assert middle[labels == 1].mean() > 0.2 > -0.6 > middle[labels == 0].mean()


def test_images_are_resized_on_demand():
    images, _ = data.load_images("mnist-5k", image_shape=(32, 32, 3))
    assert (
        images.shape == (5000, 32, 32, 3)
        and -1 <= images.min() < images.max() <= 1
    )
    np.testing.assert_array_equal(images[..., 0], images[..., 2])
    original, _ = data.load_images("mnist-5k")
    assert abs(images.mean() - original.mean()) < 0.01


def test_ring_and_grid_have_the_published_modes():
    points, centres = data.ring(20_000, seed=1)
    assert (
        points.shape == (20_000, 2)
        and points.dtype == centres.dtype == np.float32
    )
    assert len(np.unique(centres.round(4), axis=0)) == 8  # eight, not seven
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1, rtol=1e-6)
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
    assert np.bincount(nearest).min() > 20_000 / 8 * 0.9
    assert np.std(points - centres[nearest]) == pytest.approx(0.01, rel=0.02)

    points, centres = data.grid(20_000, seed=1)
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {tuple(centre) for centre in centres} == expected and len(
        centres
    ) == 25
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
    assert np.std(points - centres[nearest]) == pytest.approx(0.05, rel=0.02)
    np.testing.assert_array_equal(points, data.grid(20_000, seed=1)[0])
    assert not np.array_equal(points, data.grid(20_000, seed=2)[0])
    for bad in ({"n": 0}, {"modes": 0}, {"sigma": -1}):
        with pytest.raises(
            ValueError, match="expected 1 or more points, 1 or more modes"
        ):
            data.ring(**{"n": 10} | bad)


def test_spiral_at_points_worked_out_by_hand():
    # z0 = -1: radius .05 at angle -3 pi; z0 = 0: radius .5 at angle 0; z0 = .5, z1 = 1: .775 at 3 pi / 2
    points = data.spiral([[-1, 0], [0, 0], [0.5, 1]])
    np.testing.assert_allclose(
        points, [[-0.05, 0], [0.5, 0], [0, -0.775]], atol=1e-6
    )
    assert points.dtype == np.float32
    for bad in ([[0, 1.1]], [0, 1], [[0, 0, 0]]):
        with pytest.raises(ValueError, match=r"expected \(n, 2\)"):
            data.spiral(bad)


def test_swiss_roll_is_noise_around_its_line():
    points, angles = data.swiss_roll(20_000, noise=0.25, seed=1)
    assert (
        points.shape == (20_000, 2)
        and points.dtype == np.float32
        and angles.shape == (20_000,)
    )
    line = (
        angles[:, None]
        * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        / 7.5
    )
    np.testing.assert_allclose(
        (points - line).std(axis=0), 0.25 / 7.5, rtol=0.02
    )
    assert (
        1.5 * np.pi <= angles.min() < 4.8 and 14.1 < angles.max() <= 4.5 * np.pi
    )
    np.testing.assert_array_equal(
        points, data.swiss_roll(20_000, noise=0.25, seed=1)[0]
    )
    with pytest.raises(ValueError, match="n=0 and noise=0.25"):
        data.swiss_roll(0)


def test_batches_hold_every_example_once_an_epoch_in_a_new_order():
    examples = np.arange(10, dtype=np.float32)[:, None]
    first, second = ([*data.batches(examples, 4, seed=3)] for _ in range(2))
    assert [len(batch) for batch in first] == [4, 4, 2]
    dataset = data.batches(examples, 4, seed=3)
    epochs = [
        np.concatenate([batch.numpy() for batch in dataset])[:, 0]
        for _ in range(2)
    ]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert list(epochs[0]) != list(epochs[1]) and list(epochs[0]) != list(
        range(10)
    )
    np.testing.assert_array_equal(np.concatenate(first), np.concatenate(second))
    assert not dataset.options().autotune.enabled and dataset.cardinality() == 3
    with pytest.raises(ValueError, match="0 examples and batch_size=4"):
        data.batches(examples[:0], 4)
    with pytest.raises(ValueError, match="10 examples and batch_size=0"):
        data.batches(examples, 0)


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
    with pytest.raises(
        ValueError, match="'cifar'.*mnist-5k, mnist, fashion-mnist"
    ):
        data.load_images("cifar")


@pytest.mark.parametrize(
    "image_shape", [(28, 28), (28, 28, 2), (0, 28, 1), (28.0, 28, 1)]
)
def test_bad_image_shape(image_shape):
    with pytest.raises(ValueError, match="height, width, channels"):
        data.load_images("mnist-5k", image_shape=image_shape)


def test_download_is_kept_and_read_again(data_folder, monkeypatch):
    rng = np.random.default_rng(0)
    train = (
        rng.integers(0, 256, (6, 28, 28), np.uint8),
        np.arange(6, dtype=np.uint8),
    )
    test = (
        rng.integers(0, 256, (2, 28, 28), np.uint8),
        np.array([8, 9], np.uint8),
    )
    calls = []

    def load_data():
        calls.append(socket.getdefaulttimeout())
        return train, test

    monkeypatch.setitem(
        data.DOWNLOADS, "mnist", types.SimpleNamespace(load_data=load_data)
    )
    for _ in range(2):
        images, labels = data.load_images("mnist")
        assert labels.tolist() == [0, 1, 2, 3, 4, 5, 8, 9]
        np.testing.assert_allclose(
            images[6, :, :, 0], test[0][0] / 127.5 - 1, atol=1e-6
        )
    assert (
        calls == [data.DOWNLOAD_TIMEOUT] and socket.getdefaulttimeout() is None
    )
    assert [p.name for p in data_folder.iterdir()] == ["mnist.npz"]

    (data_folder / "mnist.npz").write_bytes(
        (data_folder / "mnist.npz").read_bytes()[:-100]
    )
    with pytest.raises(ValueError, match="damaged.*delete it"):
        data.load_images("mnist")


def test_without_a_network_the_error_says_what_to_do(data_folder, monkeypatch):
    def load_data():
        raise Exception("URL fetch failure: timed out")

    monkeypatch.setitem(
        data.DOWNLOADS,
        "fashion-mnist",
        types.SimpleNamespace(load_data=load_data),
    )
    with pytest.raises(
        ConnectionError, match="timed out.*mnist-5k.*comes with the course"
    ):
        data.load_images("fashion-mnist")
    assert (
        not list(data_folder.iterdir()) and socket.getdefaulttimeout() is None
    )


def test_folder_of_pictures(tmp_path):
    (tmp_path / "cats").mkdir()
    (tmp_path / "dogs").mkdir()
    Image.new("RGB", (50, 30), (255, 0, 0)).save(tmp_path / "cats" / "a.png")
    Image.new("L", (10, 90), 0).save(tmp_path / "dogs" / "b.JPG")
    (tmp_path / "notes.txt").write_text("no picture")
    images, labels = data.load_images(tmp_path, image_shape=(64, 32, 3))
    assert (
        images.shape == (2, 64, 32, 3)
        and images.dtype == np.float32
        and labels.tolist() == [0, 1]
    )
    np.testing.assert_allclose(
        images[0], np.broadcast_to([1.0, -1.0, -1.0], (64, 32, 3))
    )
    np.testing.assert_allclose(images[1], -1.0)
    grey, _ = data.load_images(str(tmp_path))
    assert grey.shape == (2, 28, 28, 1)
    np.testing.assert_allclose(
        grey[0], 76 / 127.5 - 1, atol=1e-6
    )  # luma of pure red: 0.299 * 255


def test_bad_folders(tmp_path):
    with pytest.raises(ValueError, match="no pictures"):
        data.load_images(tmp_path)
    Image.new("L", (8, 8)).save(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    truncated = (tmp_path / "good.png").read_bytes()[:45]
    (tmp_path / "cut.png").write_bytes(truncated)
    with pytest.raises(
        ValueError, match="2 of 3 pictures.*broken.png.*cut.png"
    ):
        data.load_images(tmp_path)


def test_lattice_goes_row_by_row_from_below():
    points = data.lattice(3, 2, limit=2.0)
    assert points.dtype == np.float32
    expected = [[-2, -2], [0, -2], [2, -2], [-2, 2], [0, 2], [2, 2]]
    np.testing.assert_array_equal(points, expected)


def test_stacked_digits_hold_three_digits_with_their_labels():
    images, labels = data.load_images("mnist-5k")
    stacked, numbers = data.stacked_digits(images, labels, 20_000, seed=1)
    assert stacked.shape == (20_000, 28, 28, 3) and stacked.dtype == np.float32
    assert stacked.flags.c_contiguous and numbers.dtype == np.int64
    digit_of = {
        image.tobytes(): label
        for image, label in zip(images, labels, strict=True)
    }
    for image, number in zip(stacked[:300], numbers[:300], strict=True):
        channels = [
            digit_of[image[..., [channel]].tobytes()] for channel in range(3)
        ]
        assert channels == [number // 100, number // 10 % 10, number % 10]
    counts = np.bincount(numbers, minlength=1000)
    assert len(counts) == 1000 and scipy.stats.chisquare(counts).pvalue > 1e-3
    same, other = (
        data.stacked_digits(images, labels, 50, seed)[1] for seed in (1, 2)
    )
    np.testing.assert_array_equal(
        same, data.stacked_digits(images, labels, 50, 1)[1]
    )
    assert not np.array_equal(same, other)
    for digits, names in [
        (images, labels[:-1]),
        (images[..., 0], labels),
        (images[:0], labels[:0]),
    ]:
        with pytest.raises(
            ValueError, match=r"expected \(m, 28, 28, 1\) and \(m,\)"
        ):
            data.stacked_digits(digits, names, 10)
    with pytest.raises(ValueError, match="n=0"):
        data.stacked_digits(images, labels, 0)
