"""Each metric against a value that is known without it."""

from gan_lib import data, metrics

import keras
import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from scipy.spatial.distance import jensenshannon


def exact_sample(d):
    """2d points with mean exactly 0 and covariance exactly the identity."""
    return np.concatenate([np.eye(d), -np.eye(d)]) * np.sqrt((2 * d - 1) / 2)


def test_frechet_distance_of_shifted_standard_normals_is_the_dimension():
    points = exact_sample(2048)
    assert metrics.frechet_distance(points, points + 1) == pytest.approx(2048, rel=1e-6)


def test_frechet_distance_in_one_dimension():
    points = exact_sample(1)  # (mean difference)^2 + (difference of standard deviations)^2
    assert metrics.frechet_distance(2 * points + 3, 0.5 * points - 1) == pytest.approx(16 + 1.5**2)


def test_frechet_distance_equals_the_formula_with_scipy():
    rng = np.random.default_rng(0)
    a, b = (
        rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5)) + rng.normal(size=5) for _ in range(2)
    )
    covariances = [np.cov(x, rowvar=False) for x in (a, b)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(
        covariances[0] + covariances[1] - 2 * root
    )
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert metrics.frechet_distance(a, a[::-1]) == pytest.approx(0, abs=1e-9)
    singular = np.pad(a, ((0, 0), (0, 3)))
    assert metrics.frechet_distance(singular, singular + 2) == pytest.approx(8 * 4)


def test_frechet_distance_refuses_other_shapes():
    for a, b in [((5, 3), (5, 4)), ((5,), (5,)), ((1, 3), (5, 3))]:
        with pytest.raises(ValueError, match="n_a, d"):
            metrics.frechet_distance(np.zeros(a), np.zeros(b))


def test_classifier_reads_held_out_digits():
    images, labels = data.load_images("mnist-5k")
    probabilities = metrics.classify_digits(
        images[4000:]
    )  # the classifier was trained on the first 4,000
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.mean(probabilities.argmax(axis=1) == labels[4000:]) >= 0.98
    assert data.checked_file("digit-classifier.keras").stat().st_size <= 500_000


def test_features_order_real_blurred_and_noise():
    images, _ = data.load_images("mnist-5k")
    real, others = metrics.digit_features(images[:2000]), images[2000:4000]
    assert real.shape == (2000, 64) and real.min() >= 0
    blurred = (others + np.roll(others, 2, axis=1) + np.roll(others, 2, axis=2)) / 3
    noise = np.random.default_rng(0).uniform(-1, 1, others.shape)
    distances = [
        metrics.frechet_distance(real, metrics.digit_features(x)) for x in (others, blurred, noise)
    ]
    assert distances[0] * 5 < distances[1] < distances[2] / 2


@pytest.mark.parametrize(
    "images, received",
    [
        (np.zeros((2, 28, 28)), r"\(2, 28, 28\)"),
        (np.zeros((2, 28, 28, 1), np.uint8), "uint8"),
        (np.full((2, 28, 28, 1), 255.0), "255"),
        (np.full((2, 28, 28, 1), np.nan), "nan"),
    ],
)
def test_features_refuse_other_images(images, received):
    with pytest.raises(ValueError, match=received):
        metrics.digit_features(images)


def test_nearest_neighbours_by_hand():
    references = np.array([[[0.0, 0.0]], [[3.0, 4.0]], [[10.0, 0.0]]])
    distances, indices = metrics.nearest_neighbours(
        np.array([[[3.0, 3.0]], [[6.0, -3.0]]]), references
    )
    assert indices.tolist() == [1, 2]
    np.testing.assert_allclose(distances, [1, 5])
    with pytest.raises(ValueError, match="expected one"):
        metrics.nearest_neighbours(np.zeros((2, 3)), np.zeros((2, 4)))


def test_checkerboard_energy_of_known_patterns():
    rows, columns = np.mgrid[:28, :28]
    patterns = {
        "checkerboard": ((-1.0) ** (rows + columns), 1),
        "stripes one pixel wide": ((-1.0) ** columns, 1),
        "stripes two pixels wide": (np.sign(np.cos(np.pi * columns / 2 + 0.1)), 0),
        "a wave": (np.cos(2 * np.pi * rows / 28), 0),
        "flat": (np.full((28, 28), 0.3), 0),
        "half wave, half board": (
            np.cos(2 * np.pi * rows / 28) * np.sqrt(2) + (-1.0) ** (rows + columns),
            0.5,
        ),
    }
    for name, (pattern, expected) in patterns.items():
        images = np.broadcast_to(pattern[None, :, :, None], (3, 28, 28, 1))
        assert metrics.checkerboard_energy(images) == pytest.approx(expected, abs=1e-9), name
    noise = np.random.default_rng(0).normal(size=(500, 28, 28, 1))  # 55 of the 783 frequencies
    assert metrics.checkerboard_energy(noise) == pytest.approx(55 / 783, rel=0.02)
    with pytest.raises(ValueError, match="even"):
        metrics.checkerboard_energy(np.zeros((2, 27, 28, 1)))


def test_perfect_samples_of_ring_and_grid_score_as_computed():
    # within 3 sigma in two dimensions: 1 - exp(-9 / 2) = 98.89 %; reverse KL near (K - 1) / 2n
    for draw, sigma, modes in [(data.ring, 0.01, 8), (data.grid, 0.05, 25)]:
        points, centres = draw(200_000, seed=0)
        scores = metrics.mode_coverage(points, centres, sigma)
        assert scores["modes"] == modes
        assert scores["high_quality"] == pytest.approx(1 - np.exp(-4.5), abs=0.001)
        assert 0 < scores["reverse_kl"] < 3 * (modes - 1) / 400_000


def test_mode_coverage_counted_by_hand():
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0], [30.0, 0.0]])
    samples = [
        [0, 0],
        [0, 2.9],
        [0, 3.1],
        [10, 1],
        [10, 2],
        [30, 3.5],
    ]  # good: 2 of the first, 2 of the second
    scores = metrics.mode_coverage(samples, centres, sigma=1.0)
    assert scores == {
        "modes": 2,
        "high_quality": pytest.approx(4 / 6),
        "reverse_kl": pytest.approx(np.log(4) - np.log(2)),
    }
    far = metrics.mode_coverage([[100.0, 100.0]], centres, sigma=1.0)
    assert far == {"modes": 0, "high_quality": 0.0, "reverse_kl": pytest.approx(np.log(4))}
    with pytest.raises(ValueError, match="sigma=0"):
        metrics.mode_coverage(samples, centres, 0)
    with pytest.raises(ValueError, match="expected one"):
        metrics.mode_coverage(np.zeros((5, 3)), centres, 1.0)


def test_coverage_and_precision_counted_by_hand():
    target = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    samples = np.array([[0.04, 0.0], [1.0, 0.02], [1.0, 0.045], [9.0, 9.0], [9.0, 9.0]])
    assert metrics.coverage_and_precision(samples, target) == (2 / 4, 1 / 5)
    assert metrics.coverage_and_precision(target, target) == (1, 1)
    assert metrics.coverage_and_precision(samples, target, 20, 20) == (1, 1)


def test_wasserstein_distance_of_a_translation_is_its_length():
    points = np.random.default_rng(0).normal(size=(300, 3))
    assert metrics.wasserstein_distance(points, points + [3, 4, 12]) == pytest.approx(13)
    assert metrics.wasserstein_distance(points, points[::-1]) == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match=r"\(300, 3\) and \(300, 2\)"):
        metrics.wasserstein_distance(points, points[:, :2])


def test_wasserstein_distance_in_one_dimension_equals_scipy():
    a, b = (
        np.random.default_rng(0).normal(size=(200, 1)),
        np.random.default_rng(1).uniform(size=(70, 1)),
    )
    expected = scipy.stats.wasserstein_distance(a[:, 0], b[:, 0])
    assert metrics.wasserstein_distance(a, b) == pytest.approx(expected)


@pytest.mark.parametrize("dimension", [2, 5, 10])
def test_intrinsic_dimension_of_flat_sets_in_784_dimensions(dimension):
    rng = np.random.default_rng(dimension)
    basis, _ = np.linalg.qr(rng.normal(size=(784, dimension)))  # keeps distances
    samples = rng.normal(size=(2000, dimension)) @ basis.T + rng.normal(size=784)
    for neighbours in (2, 5):
        estimate = metrics.intrinsic_dimension(samples.reshape(-1, 28, 28, 1), neighbours)
        assert estimate == pytest.approx(dimension, rel=0.1)


def test_intrinsic_dimension_of_three_points_by_hand():
    # distances from 0: 1 and 3; from 1: 1 and 2; from 3: 2 and 3
    assert metrics.intrinsic_dimension([[0.0], [1.0], [3.0]], 2) == pytest.approx(3 / np.log(9))


def test_intrinsic_dimension_refuses_equal_or_too_few_samples():
    with pytest.raises(ValueError, match="2 of 4 samples equal"):
        metrics.intrinsic_dimension([[0.0], [0.0], [1.0], [3.0]], 2)
    for n, neighbours in [(3, 3), (5, 1)]:
        with pytest.raises(ValueError, match=f"{n} samples and neighbours={neighbours}"):
            metrics.intrinsic_dimension(np.arange(n)[:, None], neighbours)


def test_jensen_shannon_divergence_matches_scipy_and_its_limits():
    p, q = np.random.default_rng(0).dirichlet(np.ones(7), 2)
    assert metrics.jensen_shannon_divergence(p, q) == pytest.approx(jensenshannon(p, q) ** 2)
    assert metrics.jensen_shannon_divergence(p, p) == 0
    assert metrics.jensen_shannon_divergence([1, 0], [0, 1]) == pytest.approx(np.log(2))
    smallest = np.array([1.0, 5e-324])  # its half is 0
    assert metrics.jensen_shannon_divergence(smallest, smallest[::-1]) == pytest.approx(np.log(2))
    # half of KL([1, 0] || [3/4, 1/4]) and of KL([1/2, 1/2] || [3/4, 1/4]), by hand
    by_hand = (np.log(4 / 3) + np.log(2 / 3) / 2 + np.log(2) / 2) / 2
    assert metrics.jensen_shannon_divergence([1, 0], [0.5, 0.5]) == pytest.approx(by_hand)
    for wrong in ([1.0], [0.5, 0.6], [1.5, -0.5]):
        with pytest.raises(ValueError, match="expected one shape"):
            metrics.jensen_shannon_divergence(wrong, [0.5, 0.5])


def test_served_modes_need_their_share():
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    samples = np.repeat(centres, [85, 13, 1, 1], axis=0) + 2.0  # fair share 25, half of it 12.5
    assert metrics.served_modes(samples, centres) == 2
    assert metrics.served_modes(samples, centres, share=0.04) == 4
    assert metrics.served_modes(centres, centres, share=1.0) == 4
    assert metrics.mode_coverage(samples, centres, sigma=1.0)["modes"] == 4  # one is enough there
    with pytest.raises(ValueError, match="expected one"):
        metrics.served_modes(samples, centres[:, :1])


def test_lagged_correlation_finds_a_delayed_copy():
    path = np.random.default_rng(0).normal(size=(200, 2))
    follower = np.roll(path, 3, axis=0)  # where the leader was 3 moments ago
    assert metrics.lagged_correlation(path, follower, 3) == pytest.approx(1)
    assert metrics.lagged_correlation(follower, path, -3) == pytest.approx(1)
    assert abs(metrics.lagged_correlation(path, follower, -3)) < 0.3
    a, b = path[:, :1], follower[:, :1]  # one coordinate: Pearson's correlation
    pearson = scipy.stats.pearsonr(a[:-2, 0], b[2:, 0]).statistic
    assert metrics.lagged_correlation(a, b, 2) == pytest.approx(pearson)
    with pytest.raises(ValueError, match="lag=199"):
        metrics.lagged_correlation(path, follower, 199)


def test_jacobian_of_a_known_map():
    latent = keras.Input((2,))
    squared = keras.layers.Lambda(lambda z: keras.ops.stack([z[:, 0] ** 2, 3 * z[:, 1]], 1))(latent)
    found = metrics.jacobian(keras.Model(latent, squared), np.array([[0.5, 1.0], [-2.0, 0.0]]))
    expected = [[[1, 0], [0, 3]], [[-4, 0], [0, 3]]]  # d(z0^2)/dz0 = 2 z0
    np.testing.assert_allclose(found, expected, atol=1e-6)
