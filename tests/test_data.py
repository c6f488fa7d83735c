"""Image sets: shapes, ranges and labels, and what happens to damaged files, wrong names and missing networks."""

from gan_lib import data

import shutil
import socket
import types

import numpy as np
import pytest
import scipy.stats
from PIL import Image
from sklearn.neighbors import NearestCentroid


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


def test_garments_are_those_of_fashion_mnist():
    images, labels = data.load_images("fashion-mnist-5k")
    assert images.shape == (5000, 28, 28, 1)
    assert np.bincount(labels).tolist() == [500] * 10
    # published: the mean pixel of the training set is .2860, and the nearest
    # of the ten mean images is right for 67.8 % of the test set
    assert (images.mean() + 1) / 2 == pytest.approx(0.2860, abs=0.005)
    flat = images.reshape(5000, -1)
    nearest = NearestCentroid().fit(flat[:4000], labels[:4000])
    right = nearest.score(flat[4000:], labels[4000:])
    assert right == pytest.approx(0.678, abs=0.03)


@pytest.mark.parametrize(
    "name, similar",
    [
        ("MNIST", "mnist"),
        ("Mnist-5K", "mnist-5k"),
        ("mnist5k", "mnist-5k"),
        ("minst", "mnist"),
        ("fashion_mnist", "fashion-mnist"),
        ("FashionMNIST", "fashion-mnist"),
    ],
)
def test_unknown_name_suggests_the_one_that_was_meant(name, similar):
    with pytest.raises(ValueError) as error:
        data.load_images(name)
    assert str(error.value) == (
        f"unknown image set {name!r}; did you mean {similar!r}? expected one "
        "of mnist-5k, fashion-mnist-5k, mnist, fashion-mnist, or the path of "
        "a folder"
    )


@pytest.mark.parametrize("name", ["cifar", ""])
def test_unknown_name_lists_the_right_ones(name):
    with pytest.raises(ValueError) as error:
        data.load_images(name)
    assert str(error.value) == (
        f"unknown image set {name!r}; expected one of mnist-5k, "
        "fashion-mnist-5k, mnist, fashion-mnist, or the path of a folder"
    )


@pytest.mark.parametrize("name", [None, 5, b"mnist", ["mnist"], np.zeros(3)])
def test_name_of_another_type(name):
    kind = type(name).__name__
    with pytest.raises(ValueError, match=f"of type {kind}; expected one of"):
        data.load_images(name)


def test_missing_folder_and_file_are_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.zip").write_bytes(b"")
    for name in ("photos/cats", "./photos", "..photos", "~/photos", "~x"):
        with pytest.raises(ValueError, match=f"folder '{name}' does not exist"):
            data.load_images(name)
    with pytest.raises(ValueError, match=f"there is no {tmp_path}/photos"):
        data.load_images("./photos")
    # A Path is a path, even where its text is the name of an image set.
    with pytest.raises(ValueError, match="folder 'mnist' does not exist"):
        data.load_images(data.pathlib.Path("mnist"))
    with pytest.raises(ValueError, match="'a.zip' is a file; expected"):
        data.load_images("a.zip")
    with pytest.raises(ValueError, match="unknown image set"):
        data.load_images("x" * 10_000)  # longer than any path may be


def test_ways_to_name_a_folder(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    Image.new("L", (4, 4), 255).save(tmp_path / "photos" / "a.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    absolute = tmp_path / "photos"
    for name in ("photos", "photos/", "./photos", absolute, str(absolute)):
        assert data.load_images(name)[0].shape == (1, 28, 28, 1)
    for name in ("~/photos", data.pathlib.Path("~/photos")):
        assert data.load_images(name)[0].shape == (1, 28, 28, 1)


@pytest.mark.parametrize(
    "image_shape",
    [
        (28, 28),
        (28, 28, 2),
        (0, 28, 1),
        (-1, 28, 1),
        (28.0, 28, 1),
        (28, 28, True),
        (True, True, 1),
        np.array([28.0, 28, 1]),
        28,
        "28",
        (28, [28], 1),
        (None, 28, 1),
    ],
)
def test_bad_image_shape(image_shape):
    with pytest.raises(ValueError, match="height, width, channels"):
        data.load_images("mnist-5k", image_shape=image_shape)


@pytest.mark.parametrize(
    "image_shape",
    [[2, 3, 1], np.array([2, 3, 1]), (np.int64(2), np.uint8(3), np.int32(1))],
)
def test_image_shape_of_other_integers(image_shape, tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    images, _ = data.load_images(tmp_path, image_shape=image_shape)
    assert images.shape == (1, 2, 3, 1)


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
        ConnectionError,
        match="timed out.*'fashion-mnist-5k'.*comes with the course",
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
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(ValueError) as error:
        data.load_images(tmp_path)
    first, *others = str(error.value).splitlines()
    assert first == "4 of 5 pictures cannot be used:"
    for name, reason, line in zip(
        ["broken.png", "cut.png", "empty.png", "gone.png"],
        ["no picture, or", "truncated", "no picture, or", "No such file"],
        others,
        strict=True,
    ):
        assert line.startswith(f"{tmp_path / name}: ") and reason in line


def test_many_bad_pictures_are_counted_and_the_first_ten_named(tmp_path):
    for i in range(12):
        (tmp_path / f"{i:02}.png").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match="12 of 12 pictures") as error:
        data.load_images(tmp_path)
    lines = str(error.value).splitlines()
    assert len(lines) == 12 and lines[-1] == "and 2 more"
    assert lines[10].startswith(f"{tmp_path / '09.png'}: ")


def test_every_fault_has_a_reason(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise MemoryError

    monkeypatch.setattr(data.ImageOps, "fit", refuse)
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png: MemoryError"):
        data.load_images(tmp_path)


def test_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError("Permission denied")

    monkeypatch.setattr(data.pathlib.Path, "iterdir", refuse)
    with pytest.raises(ValueError, match="cannot list.*Permission denied"):
        data.load_images(tmp_path)


def load_one(folder, image_shape, **options):
    """The one picture in a folder, as whole numbers from 0 to 255."""
    images, labels = data.load_images(folder, image_shape, **options)
    assert images.shape == (1, *image_shape) and images.dtype == np.float32
    assert labels.tolist() == [0]
    pixels = (images[0].astype(np.float64) + 1) * 127.5
    np.testing.assert_allclose(pixels, pixels.round(), atol=1e-4)
    return pixels.round().astype(int)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jp2", "a.pgm"])
def test_16_bit_greys_are_scaled(name, tmp_path):
    # 65,535 = 255 * 257: grey 100 of 8 bits is 25,700 of 16.
    values = np.array([[0, 25_700, 25_900, 65_535]], np.uint16)
    Image.fromarray(values).save(tmp_path / name)
    pixels = load_one(tmp_path, (1, 4, 1))
    assert pixels[0, :, 0].tolist() == [0, 100, 101, 255]
    colours = load_one(tmp_path, (1, 4, 3))
    assert colours[0, 1].tolist() == [100, 100, 100]


def test_16_bit_greys_of_the_other_byte_order(tmp_path):
    # 25,855 / 257 = 100.6, where the upper 8 bits alone are 100.
    values = np.array([[0, 25_855, 65_535]], ">u2")
    picture = Image.frombytes("I;16B", (3, 1), values.tobytes())
    picture.save(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as stored:
        assert stored.mode == "I;16B"
    assert load_one(tmp_path, (1, 3, 1))[0, :, 0].tolist() == [0, 101, 255]


def test_transparent_value_of_16_bit_greys(tmp_path):
    values = np.array([[25_700, 25_701, 0]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png", transparency=25_700)
    pixels = load_one(tmp_path, (1, 3, 1), background=(7, 7, 7))
    assert pixels[0, :, 0].tolist() == [7, 100, 0]


def test_32_bit_pictures(tmp_path):
    Image.fromarray(np.array([[0, 0.4, 1]], np.float32)).save(
        tmp_path / "a.tif"
    )
    assert load_one(tmp_path, (1, 3, 1))[0, :, 0].tolist() == [0, 102, 255]
    Image.fromarray(np.array([[0, 51_400, 65_535]], np.int32)).save(
        tmp_path / "a.tif"
    )
    assert load_one(tmp_path, (1, 3, 1))[0, :, 0].tolist() == [0, 200, 255]


@pytest.mark.parametrize(
    "values, message",
    [
        (np.array([[0, 200]], np.float32), "'F'.*0.0 to 200.0.*0 .*to 1 for"),
        (np.array([[-0.5, 1]], np.float32), "'F'.*-0.5 to 1.0.*to 1 for"),
        (np.array([[0.5, np.nan]], np.float32), "'F'.*nan to nan.*to 1 for"),
        (np.array([[0, 65_536]], np.int32), "'I'.*0 to 65536.*to 65535 for"),
        (np.array([[-1, 255]], np.int32), "'I'.*-1 to 255.*to 65535 for"),
    ],
)
def test_32_bit_pictures_out_of_range(values, message, tmp_path):
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=rf"(?s)1 of 1 .*a\.tif.*{message}"):
        data.load_images(tmp_path)


@pytest.mark.parametrize(
    "orientation, upright",
    [  # which corner of the scene is stored first: Exif 2.32, section 4.6.4
        (1, [[10, 20, 30], [40, 50, 60]]),
        (2, [[30, 20, 10], [60, 50, 40]]),
        (3, [[60, 50, 40], [30, 20, 10]]),
        (4, [[40, 50, 60], [10, 20, 30]]),
        (5, [[10, 40], [20, 50], [30, 60]]),
        (6, [[40, 10], [50, 20], [60, 30]]),
        (7, [[60, 30], [50, 20], [40, 10]]),
        (8, [[30, 60], [20, 50], [10, 40]]),
    ],
)
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_pictures_are_turned_upright(orientation, upright, name, tmp_path):
    stored = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / name, exif=exif)
    pixels = load_one(tmp_path, (*np.shape(upright), 1))
    assert pixels[..., 0].tolist() == upright


def picture_of(mode, *pixels):
    """A picture of one row."""
    picture = Image.new(mode, (len(pixels), 1))
    picture.putdata(pixels)
    return picture


def palette_of(*colours):
    """A row of one pixel a colour, in the order of the palette."""
    picture = picture_of("P", *range(len(colours)))
    picture.putpalette([value for colour in colours for value in colour])
    return picture


RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.mark.parametrize(
    "picture, options",
    [
        (picture_of("RGBA", (*RED, 0), (*BLUE, 255)), {}),
        (palette_of(RED, BLUE), {"transparency": 0}),
        (palette_of(RED, BLUE), {"transparency": b"\x00\xff"}),
        (picture_of("RGB", RED, BLUE), {"transparency": RED}),
    ],
)
def test_transparent_parts_show_the_background(picture, options, tmp_path):
    picture.save(tmp_path / "a.png", **options)
    for arguments, behind in [
        ({}, [255, 255, 255]),
        ({"background": "black"}, [0, 0, 0]),
        ({"background": "#ff8000"}, [255, 128, 0]),
        ({"background": (1, 2, 3)}, [1, 2, 3]),
        ({"background": np.array([1, 2, 3])}, [1, 2, 3]),
    ]:
        pixels = load_one(tmp_path, (1, 2, 3), **arguments)
        assert pixels[0].tolist() == [behind, [0, 0, 255]]
    # Luma of blue: 0.114 * 255 = 29.07.
    assert load_one(tmp_path, (1, 2, 1))[0, :, 0].tolist() == [255, 29]


def test_half_transparent_parts_are_mixed_with_the_background(tmp_path):
    # Alpha 51 is a fifth: 100 / 5 + 200 * 4 / 5 = 180.
    picture_of("LA", (100, 0), (100, 51), (100, 255)).save(tmp_path / "a.png")
    pixels = load_one(tmp_path, (1, 3, 1), background=(200, 200, 200))
    assert pixels[0, :, 0].tolist() == [200, 180, 100]


def test_transparent_grey_of_1_and_8_bits(tmp_path):
    for mode, values, expected in [
        ("L", (100, 101), [7, 101]),
        ("1", (0, 255), [7, 255]),
    ]:
        picture = picture_of(mode, *values)
        picture.save(tmp_path / "a.png", transparency=values[0])
        pixels = load_one(tmp_path, (1, 2, 1), background=(7, 7, 7))
        assert pixels[0, :, 0].tolist() == expected


@pytest.mark.parametrize(
    "background",
    [
        "whit",
        "#ff80",
        "",
        "#ffffff80",
        None,
        128,
        (1, 2),
        (1, 2, 3, 4),
        (0, 0, 256),
        (-1, 0, 0),
        (0.5, 0.5, 0.5),
        (True, True, True),
    ],
)
def test_bad_background(background, tmp_path):
    with pytest.raises(ValueError, match="background is .*name of a colour"):
        data.load_images(tmp_path, background=background)


def stripes(vertical=False):
    """Red, green and blue, 20 pixels each, across 20 pixels."""
    pixels = np.repeat(255 * np.eye(3, dtype=np.uint8), 20, axis=0)
    pixels = np.repeat(pixels[None], 20, axis=0)
    return Image.fromarray(pixels.swapaxes(0, 1) if vertical else pixels)


@pytest.mark.parametrize("vertical", [False, True])
def test_crop_keeps_the_middle(vertical, tmp_path):
    stripes(vertical).save(tmp_path / "a.png")
    for options in ({}, {"fit": "crop"}):
        pixels = load_one(tmp_path, (20, 20, 3), **options)
        assert (pixels == [0, 255, 0]).all()
    # 60 x 20 at 2 : 1 leaves 40 x 20: ten columns of red, green, ten of blue.
    shape = (40, 20, 3) if vertical else (20, 40, 3)
    pixels = load_one(tmp_path, shape)
    line = pixels[:, 0] if vertical else pixels[0]
    np.testing.assert_array_equal(
        line, 255 * np.eye(3)[[0] * 10 + [1] * 20 + [2] * 10]
    )


@pytest.mark.parametrize("vertical", [False, True])
def test_pad_keeps_the_whole_between_borders(vertical, tmp_path):
    stripes(vertical).save(tmp_path / "a.png")
    for options, border in [
        ({}, [255, 255, 255]),
        ({"background": (9, 8, 7)}, [9, 8, 7]),
    ]:
        pixels = load_one(tmp_path, (60, 60, 3), fit="pad", **options)
        if vertical:
            pixels = pixels.swapaxes(0, 1)
        assert (pixels[:20] == border).all() and (pixels[40:] == border).all()
        np.testing.assert_array_equal(
            pixels[20:40], np.asarray(stripes()), strict=False
        )
    # Luma of the border: 0.299 * 9 + 0.587 * 8 + 0.114 * 7 = 8.2.
    grey = load_one(tmp_path, (60, 60, 1), fit="pad", background=(9, 8, 7))
    assert grey[0, 0, 0] == 8


def test_pad_of_a_picture_too_thin_to_be_seen(tmp_path):
    Image.new("L", (100, 1)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="100 x 1 pixels .* 28 x 20"):
        data.load_images(tmp_path, (20, 28, 1), fit="pad")
    assert (load_one(tmp_path, (100, 100, 1), fit="pad") == 0).sum() == 100


@pytest.mark.parametrize("vertical", [False, True])
def test_squeeze_shows_all_without_borders(vertical, tmp_path):
    stripes(vertical).save(tmp_path / "a.png")
    pixels = load_one(tmp_path, (18, 18, 3), fit="squeeze")
    if vertical:
        pixels = pixels.swapaxes(0, 1)
    # Six columns a colour; at their edges the filter mixes and overshoots.
    assert (pixels[:, 0] == [255, 0, 0]).all()
    assert (pixels[:, 17] == [0, 0, 255]).all()
    assert pixels[:, 6:12].argmax(axis=2).tolist() == [[1] * 6] * 18


@pytest.mark.parametrize("fit", ["stretch", "Crop", "", 0])
def test_bad_fit(fit, tmp_path):
    with pytest.raises(ValueError, match=f"fit is {fit!r}; expected 'crop'"):
        data.load_images(tmp_path, fit=fit)


def test_an_image_set_is_squeezed_unless_told_otherwise(
    data_folder, monkeypatch
):
    # Rows 0 to 6 and 21 to 27 are white: what half the height cuts off.
    digits = np.zeros((2, 28, 28), np.uint8)
    digits[:, :7] = digits[:, 21:] = 255
    np.savez(data_folder / "mnist.npz", images=digits, labels=[3, 4])
    squeezed, labels = data.load_images("mnist", (14, 28, 1))
    assert labels.tolist() == [3, 4] and squeezed[0, 0, 0, 0] == 1
    np.testing.assert_array_equal(
        squeezed, data.load_images("mnist", (14, 28, 1), fit="squeeze")[0]
    )
    cropped, _ = data.load_images("mnist", (14, 28, 1), fit="crop")
    np.testing.assert_array_equal(cropped[1], np.full((14, 28, 1), -1))
    padded, _ = data.load_images(
        "mnist", [28, 56, 1], fit="pad", background="black"
    )
    np.testing.assert_array_equal(padded[:, :, :14], -1)
    np.testing.assert_array_equal(
        padded[:, :, 14:42, 0], digits / np.float32(127.5) - 1
    )


def test_modes_of_pictures(tmp_path):
    # Luma 0.299 red + 0.587 green + 0.114 blue: 76.245 for pure red.
    # CMYK without black is 255 minus each. Lab (L 255, a and b 128) is white.
    for picture, name, colour, grey in [
        (picture_of("1", 255), "a.png", [255, 255, 255], 255),
        (picture_of("P", 0), "a.gif", [255, 0, 0], 76),
        (picture_of("CMYK", (0, 255, 255, 0)), "a.tif", [255, 0, 0], 76),
        (picture_of("CMYK", (0, 255, 255, 0)), "a.jpg", [255, 0, 0], 76),
        (picture_of("YCbCr", (90, 128, 128)), "a.tif", [90, 90, 90], 90),
        (picture_of("LAB", (255, 128, 128)), "a.tif", [255, 255, 255], 255),
        (picture_of("RGBX", (255, 0, 0, 9)), "a.tif", [255, 0, 0], 76),
    ]:
        if picture.mode == "P":
            picture.putpalette(RED)
        picture.save(tmp_path / name)
        pixels = load_one(tmp_path, (1, 1, 3))[0, 0]
        np.testing.assert_allclose(pixels, colour, atol=1, err_msg=name)
        assert load_one(tmp_path, (1, 1, 1))[0, 0, 0] == pytest.approx(
            grey, abs=1
        )
        (tmp_path / name).unlink()


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tif"])
def test_an_animation_gives_its_first_frame(name, tmp_path):
    first, second = (Image.new("L", (2, 2), grey) for grey in (50, 200))
    options = {"lossless": True} if name == "a.webp" else {}
    first.save(
        tmp_path / name, save_all=True, append_images=[second], **options
    )
    with Image.open(tmp_path / name) as stored:
        assert stored.n_frames == 2
    assert (load_one(tmp_path, (2, 2, 1)) == 50).all()


def test_names_of_files(tmp_path):
    """The content counts, not the suffix; junk beside the pictures does not."""
    Image.new("L", (2, 2), 50).save(tmp_path / "a.jpg", format="PNG")
    assert (load_one(tmp_path, (2, 2, 1)) == 50).all()
    (tmp_path / "a.jpg").rename(
        tmp_path / "\u00e9t\u00e9 \ud55c \U0001f431.PNG"
    )
    for junk in ("Thumbs.db", "paper.pdf", "run.weights.h5", "clip.mpg", "png"):
        (tmp_path / junk).write_bytes(b"junk")
    for hidden in (".DS_Store", "._a.png", ".a.png"):
        (tmp_path / hidden).write_bytes(b"junk")
    assert (load_one(tmp_path, (2, 2, 1)) == 50).all()


def test_very_large_and_very_thin_pictures(tmp_path, monkeypatch):
    for size in [(1, 1), (1, 500), (500, 1), (3000, 2000)]:
        Image.new("L", size, 50).save(tmp_path / "a.png")
        for fit in ("crop", "squeeze"):
            assert (load_one(tmp_path, (28, 28, 1), fit=fit) == 50).all()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match=r"(?s)1 of 1 .*a\.png.*exceeds limit"):
        data.load_images(tmp_path)


def write_greys(folder, greys):
    """A picture of 2 x 2 pixels of one grey at each path."""
    for path, grey in greys.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (2, 2), grey).save(folder / path)


def greys_and_labels(folder):
    images, labels = data.load_images(folder, image_shape=(1, 1, 1))
    greys = ((images.reshape(-1) + 1) * 127.5).round().astype(int)
    return greys.tolist(), labels.tolist()


def test_folders_are_classes_in_the_order_of_their_paths(tmp_path):
    write_greys(
        tmp_path,
        {
            "dogs/b.png": 5,
            "dogs/a.png": 4,
            "cats/small/c.png": 3,
            "cats/d.png": 2,
            "z.png": 1,
            "animals.png/e.png": 6,
            "10/f.png": 7,
            "2/g.png": 8,
        },
    )
    (tmp_path / "birds").mkdir()  # empty: no class
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("no picture")
    # The top, 10, 2, animals.png, cats, cats/small, dogs; by path, z comes last.
    assert greys_and_labels(tmp_path) == (
        [7, 8, 6, 2, 3, 4, 5, 1],
        [1, 2, 3, 4, 5, 6, 6, 0],
    )


def test_hidden_folders_are_no_classes(tmp_path):
    folder = tmp_path / ".cache"  # the folder itself may be hidden
    write_greys(
        folder,
        {
            "cats/a.png": 1,
            "cats/.ipynb_checkpoints/a-checkpoint.png": 9,
            ".ipynb_checkpoints/b.png": 9,
            "__MACOSX/cats/a.png": 9,
            ".git/c.png": 9,
            "dogs/d.png": 2,
        },
    )
    assert greys_and_labels(folder) == ([1, 2], [0, 1])


def test_links_to_folders_and_pictures_are_followed(tmp_path):
    folder, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    write_greys(folder, {"birds/a.png": 1})
    write_greys(elsewhere, {"b.png": 2, "deep/c.png": 3})
    (folder / "cats").symlink_to(elsewhere)
    (folder / "dogs").mkdir()
    (folder / "dogs" / "d.png").symlink_to(elsewhere / "b.png")
    (folder / "lost").symlink_to(tmp_path / "nowhere")
    assert greys_and_labels(folder) == ([1, 2, 3, 2], [0, 1, 2, 3])
    (tmp_path / "link").symlink_to(folder)
    assert greys_and_labels(tmp_path / "link") == greys_and_labels(folder)


def test_links_in_a_circle_end(tmp_path):
    folder, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    write_greys(folder, {"cats/a.png": 1})
    write_greys(elsewhere, {"b.png": 2})
    (folder / "cats" / "itself").symlink_to(folder / "cats")
    (folder / "cats" / "up").symlink_to(folder)
    (folder / "dogs").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    (folder / "nothing").symlink_to(folder / "nothing")
    assert greys_and_labels(folder) == ([1, 2], [0, 1])


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
