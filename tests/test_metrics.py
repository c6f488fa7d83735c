"""Each metric against a value that is known without it."""

from gan_lib import data, metrics

import keras
import numpy as np
import pytest
import scipy.linalg
import scipy.special
import scipy.stats
from scipy.spatial.distance import jensenshannon
from sklearn.neighbors import KernelDensity


def exact_sample(d):
    """2d points with mean exactly 0 and covariance exactly the identity."""
    return np.concatenate([np.eye(d), -np.eye(d)]) * np.sqrt((2 * d - 1) / 2)


def test_frechet_distance_of_shifted_standard_normals_is_the_dimension():
    points = exact_sample(2048)
    assert metrics.frechet_distance(points, points + 1) == pytest.approx(
        2048, rel=1e-6
    )


def test_frechet_distance_in_one_dimension():
    points = exact_sample(
        1
    )  # (mean difference)^2 + (difference of standard deviations)^2
    assert metrics.frechet_distance(
        2 * points + 3, 0.5 * points - 1
    ) == pytest.approx(16 + 1.5**2)


def test_frechet_distance_equals_the_formula_with_scipy():
    rng = np.random.default_rng(0)
    a, b = (
        rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5)) + rng.normal(size=5)
        for _ in range(2)
    )
    covariances = [np.cov(x, rowvar=False) for x in (a, b)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(
        covariances[0] + covariances[1] - 2 * root
    )
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert metrics.frechet_distance(a, a[::-1]) == pytest.approx(0, abs=1e-9)
    singular = np.pad(a, ((0, 0), (0, 3)))
    assert metrics.frechet_distance(singular, singular + 2) == pytest.approx(
        8 * 4
    )


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
    blurred = (
        others + np.roll(others, 2, axis=1) + np.roll(others, 2, axis=2)
    ) / 3
    noise = np.random.default_rng(0).uniform(-1, 1, others.shape)
    distances = [
        metrics.frechet_distance(real, metrics.digit_features(x))
        for x in (others, blurred, noise)
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
        "stripes two pixels wide": (
            np.sign(np.cos(np.pi * columns / 2 + 0.1)),
            0,
        ),
        "a wave": (np.cos(2 * np.pi * rows / 28), 0),
        "flat": (np.full((28, 28), 0.3), 0),
        "half wave, half board": (
            np.cos(2 * np.pi * rows / 28) * np.sqrt(2)
            + (-1.0) ** (rows + columns),
            0.5,
        ),
    }
    for name, (pattern, expected) in patterns.items():
        images = np.broadcast_to(pattern[None, :, :, None], (3, 28, 28, 1))
        assert metrics.checkerboard_energy(images) == pytest.approx(
            expected, abs=1e-9
        ), name
    noise = np.random.default_rng(0).normal(
        size=(500, 28, 28, 1)
    )  # 55 of the 783 frequencies
    assert metrics.checkerboard_energy(noise) == pytest.approx(
        55 / 783, rel=0.02
    )
    with pytest.raises(ValueError, match="even"):
        metrics.checkerboard_energy(np.zeros((2, 27, 28, 1)))


def test_perfect_samples_of_ring_and_grid_score_as_computed():
    # within 3 sigma in two dimensions: 1 - exp(-9 / 2) = 98.89 %; reverse KL near (K - 1) / 2n
    for draw, sigma, modes in [(data.ring, 0.01, 8), (data.grid, 0.05, 25)]:
        points, centres = draw(200_000, seed=0)
        scores = metrics.mode_coverage(points, centres, sigma)
        assert scores["modes"] == modes
        assert scores["high_quality"] == pytest.approx(
            1 - np.exp(-4.5), abs=0.001
        )
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
    assert far == {
        "modes": 0,
        "high_quality": 0.0,
        "reverse_kl": pytest.approx(np.log(4)),
    }
    with pytest.raises(ValueError, match="sigma=0"):
        metrics.mode_coverage(samples, centres, 0)
    with pytest.raises(ValueError, match="expected one"):
        metrics.mode_coverage(np.zeros((5, 3)), centres, 1.0)


def test_coverage_and_precision_counted_by_hand():
    target = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    samples = np.array(
        [[0.04, 0.0], [1.0, 0.02], [1.0, 0.045], [9.0, 9.0], [9.0, 9.0]]
    )
    assert metrics.coverage_and_precision(samples, target) == (2 / 4, 1 / 5)
    assert metrics.coverage_and_precision(target, target) == (1, 1)
    assert metrics.coverage_and_precision(samples, target, 20, 20) == (1, 1)


def test_wasserstein_distance_of_a_translation_is_its_length():
    points = np.random.default_rng(0).normal(size=(300, 3))
    assert metrics.wasserstein_distance(
        points, points + [3, 4, 12]
    ) == pytest.approx(13)
    assert metrics.wasserstein_distance(points, points[::-1]) == pytest.approx(
        0, abs=1e-6
    )
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
    basis, _ = np.linalg.qr(
        rng.normal(size=(784, dimension))
    )  # keeps distances
    samples = rng.normal(size=(2000, dimension)) @ basis.T + rng.normal(
        size=784
    )
    for neighbours in (2, 5):
        estimate = metrics.intrinsic_dimension(
            samples.reshape(-1, 28, 28, 1), neighbours
        )
        assert estimate == pytest.approx(dimension, rel=0.1)


def test_intrinsic_dimension_of_three_points_by_hand():
    # distances from 0: 1 and 3; from 1: 1 and 2; from 3: 2 and 3
    assert metrics.intrinsic_dimension(
        [[0.0], [1.0], [3.0]], 2
    ) == pytest.approx(3 / np.log(9))


def test_intrinsic_dimension_refuses_equal_or_too_few_samples():
    with pytest.raises(ValueError, match="2 of 4 samples equal"):
        metrics.intrinsic_dimension([[0.0], [0.0], [1.0], [3.0]], 2)
    for n, neighbours in [(3, 3), (5, 1)]:
        with pytest.raises(
            ValueError, match=f"{n} samples and neighbours={neighbours}"
        ):
            metrics.intrinsic_dimension(np.arange(n)[:, None], neighbours)


def test_jensen_shannon_divergence_matches_scipy_and_its_limits():
    p, q = np.random.default_rng(0).dirichlet(np.ones(7), 2)
    assert metrics.jensen_shannon_divergence(p, q) == pytest.approx(
        jensenshannon(p, q) ** 2
    )
    assert metrics.jensen_shannon_divergence(p, p) == 0
    assert metrics.jensen_shannon_divergence([1, 0], [0, 1]) == pytest.approx(
        np.log(2)
    )
    smallest = np.array([1.0, 5e-324])  # its half is 0
    assert metrics.jensen_shannon_divergence(
        smallest, smallest[::-1]
    ) == pytest.approx(np.log(2))
    # half of KL([1, 0] || [3/4, 1/4]) and of KL([1/2, 1/2] || [3/4, 1/4]), by hand
    by_hand = (np.log(4 / 3) + np.log(2 / 3) / 2 + np.log(2) / 2) / 2
    assert metrics.jensen_shannon_divergence(
        [1, 0], [0.5, 0.5]
    ) == pytest.approx(by_hand)
    for wrong in ([1.0], [0.5, 0.6], [1.5, -0.5]):
        with pytest.raises(ValueError, match="expected one shape"):
            metrics.jensen_shannon_divergence(wrong, [0.5, 0.5])


def test_served_modes_need_their_share():
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    samples = (
        np.repeat(centres, [85, 13, 1, 1], axis=0) + 2.0
    )  # fair share 25, half of it 12.5
    assert metrics.served_modes(samples, centres) == 2
    assert metrics.served_modes(samples, centres, share=0.04) == 4
    assert metrics.served_modes(centres, centres, share=1.0) == 4
    assert (
        metrics.mode_coverage(samples, centres, sigma=1.0)["modes"] == 4
    )  # one is enough there
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
    squared = keras.layers.Lambda(
        lambda z: keras.ops.stack([z[:, 0] ** 2, 3 * z[:, 1]], 1)
    )(latent)
    found = metrics.jacobian(
        keras.Model(latent, squared), np.array([[0.5, 1.0], [-2.0, 0.0]])
    )
    expected = [[[1, 0], [0, 3]], [[-4, 0], [0, 3]]]  # d(z0^2)/dz0 = 2 z0
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_inception_score_is_1_for_one_class_and_10_for_ten_sure_ones():
    sure = np.eye(10)
    assert metrics.inception_score(np.tile(sure[3], (50, 1))) == pytest.approx(
        1
    )
    assert metrics.inception_score(np.full((50, 10), 0.1)) == pytest.approx(
        1
    )  # of none is it sure
    assert metrics.inception_score(np.repeat(sure, 5, axis=0)) == pytest.approx(
        10
    )
    # KL from [3/4, 1/4] and from [1/4, 3/4] to [1/2, 1/2], by hand: ln 2 minus the entropy of both
    by_hand = 2 * 0.75**0.75 * 0.25**0.25
    assert metrics.inception_score(
        [[0.75, 0.25], [0.25, 0.75]]
    ) == pytest.approx(by_hand)
    uneven = [
        [1, 0],
        [1, 0],
        [1, 0],
        [0, 1],
    ]  # the exponential of the entropy of [3/4, 1/4]
    assert metrics.inception_score(uneven) == pytest.approx(
        0.75**-0.75 * 0.25**-0.25
    )
    for wrong in (
        [0.5, 0.5],
        [[0.5, 0.6]],
        [[1.5, -0.5]],
        [[np.nan, 1]],
        np.zeros((0, 10)),
    ):
        with pytest.raises(ValueError, match="rows that add up to 1"):
            metrics.inception_score(wrong)


def test_kernel_distance_equals_a_double_loop():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(9, 3)), rng.normal(1, 2, size=(6, 3))

    def mean(x, y, itself):
        pairs = [
            (i, j)
            for i in range(len(x))
            for j in range(len(y))
            if itself or i != j
        ]
        return np.mean([(x[i] @ y[j] / 3 + 1) ** 3 for i, j in pairs])

    expected = mean(a, a, False) + mean(b, b, False) - 2 * mean(a, b, True)
    assert metrics.kernel_distance(a, b) == pytest.approx(expected)
    assert metrics.kernel_distance(b, a) == pytest.approx(expected)
    for x, y in [((5, 3), (5, 4)), ((5,), (5,)), ((1, 3), (5, 3))]:
        with pytest.raises(ValueError, match="n_a, d"):
            metrics.kernel_distance(np.zeros(x), np.zeros(y))


def test_kernel_distance_has_no_bias():
    # In one dimension the kernel is 1 + 3xy + 3x^2y^2 + x^3y^3, so the distance of two distributions is
    # 3 (difference of means)^2 + 3 (of second moments)^2 + (of third)^2: for N(0, 1) and N(1, 1) 3 + 3 + 16.
    rng = np.random.default_rng(0)
    equal, shifted = (
        [
            metrics.kernel_distance(
                *rng.normal([[[0]], [[mean]]], 1, (2, 20, 1))
            )
            for _ in range(1000)
        ]
        for mean in (0, 1)
    )
    for found, expected in [(equal, 0), (shifted, 22)]:
        assert abs(np.mean(found) - expected) < 4 * np.std(found) / np.sqrt(
            len(found)
        )
    assert min(equal) < 0
    points = rng.normal(size=(1201, 1))  # in several blocks
    assert metrics.kernel_distance(points[:700], points[700:]) == pytest.approx(
        0, abs=0.2
    )


def balls_counted_one_by_one(real, generated, k):
    def radius(x, i):
        return sorted(
            np.linalg.norm(x[i] - x[j]) for j in range(len(x)) if j != i
        )[k - 1]

    def inside(points, centres):
        radii = [radius(centres, i) for i in range(len(centres))]
        return np.array(
            [
                [
                    np.linalg.norm(p - c) <= r
                    for c, r in zip(centres, radii, strict=True)
                ]
                for p in points
            ]
        )

    in_real, in_generated = inside(generated, real), inside(real, generated)
    return {
        "precision": in_real.any(axis=1).mean(),
        "recall": in_generated.any(axis=1).mean(),
        "density": in_real.sum() / (k * len(generated)),
        "coverage": in_real.any(axis=0).mean(),
    }


@pytest.mark.parametrize(
    "k, n_real, n_generated", [(1, 30, 20), (3, 25, 40), (5, 20, 30)]
)
def test_precision_recall_density_coverage_equal_a_double_loop(
    k, n_real, n_generated
):
    rng = np.random.default_rng(k)
    real, generated = (
        rng.normal(size=(n_real, 4)),
        rng.normal(0.5, 0.7, size=(n_generated, 4)),
    )
    found = metrics.precision_recall_density_coverage(real, generated, k)
    assert found == pytest.approx(balls_counted_one_by_one(real, generated, k))
    assert (
        len({round(value, 9) for value in found.values()}) == 4
    )  # so none stands for another


def test_precision_recall_density_coverage_of_two_normal_samples():
    # Naeem et al. 2020, lemmas 1 and 2: equal distributions have density 1 on average, and coverage
    # 1 - (n - 1) ... (n - k) / ((2n - 1) ... (2n - k)), whatever they are
    rng, n, k = np.random.default_rng(0), 1200, 5
    found = metrics.precision_recall_density_coverage(
        *rng.normal(size=(2, n, 20)), k
    )
    i = np.arange(1, k + 1)
    assert found["coverage"] == pytest.approx(
        1 - np.prod((n - i) / (2 * n - i)), abs=0.02
    )
    assert found["density"] == pytest.approx(1, abs=0.1)
    assert 0.6 < found["precision"] < 1 and 0.6 < found["recall"] < 1


def test_precision_recall_density_coverage_know_the_two_ways_to_fail():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(700, 2)) + 100 * rng.integers(
        2, size=(700, 1)
    )  # two modes
    one_mode = rng.normal(size=(600, 2))
    found = metrics.precision_recall_density_coverage(real, one_mode)
    assert found["precision"] > 0.95 and found["density"] > 0.9
    assert found["recall"] < 0.55 and found["coverage"] < 0.55
    invented = np.concatenate([real, rng.normal(-100, 1, size=(700, 2))])
    found = metrics.precision_recall_density_coverage(real, invented)
    assert found["recall"] == found["coverage"] == 1
    assert found["precision"] == pytest.approx(0.5) and found["density"] < 0.7
    with pytest.raises(ValueError, match=r"\(700, 2\) and \(600, 1\)"):
        metrics.precision_recall_density_coverage(real, one_mode[:, :1])
    for k in (0, 600):
        with pytest.raises(
            ValueError, match=f"k={k} for 700 real and 600 generated"
        ):
            metrics.precision_recall_density_coverage(real, one_mode, k)


@pytest.mark.parametrize("d", [2, 10, 784])
def test_sliced_wasserstein_distance_of_a_translation(d):
    # the mean length of the shadow of a unit vector on a line in a random direction
    log_gamma = scipy.special.gammaln
    shadow = np.exp(log_gamma(d / 2) - log_gamma((d + 1) / 2)) / np.sqrt(np.pi)
    points = np.random.default_rng(0).normal(size=(40, d))
    lengths = []
    for vector in np.random.default_rng(1).normal(size=(20, d)):
        found = metrics.sliced_wasserstein_distance(points, points + vector)
        lengths.append(found / np.linalg.norm(vector))
    assert np.mean(lengths) == pytest.approx(shadow, rel=0.02)
    assert (
        np.std(lengths) < 0.05 * shadow
    )  # 50 directions instead of 500 have twice that
    assert metrics.sliced_wasserstein_distance(
        points, points[::-1]
    ) == pytest.approx(0, abs=1e-9)


def test_sliced_wasserstein_distance_in_one_dimension_is_exact():
    a, b = (
        np.random.default_rng(0).normal(size=(200, 1)),
        np.random.default_rng(1).uniform(size=70),
    )
    expected = scipy.stats.wasserstein_distance(a[:, 0], b)
    state = np.random.get_state()[1].copy()
    found = metrics.sliced_wasserstein_distance(a, b[:, None])
    assert (
        found
        == pytest.approx(expected)
        == metrics.sliced_wasserstein_distance(b[:, None], a)
    )
    np.testing.assert_array_equal(
        np.random.get_state()[1], state
    )  # nobody else's random numbers
    with pytest.raises(ValueError, match=r"\(200, 1\) and \(70,\)"):
        metrics.sliced_wasserstein_distance(a, b)


def test_sliced_wasserstein_distance_is_the_same_in_each_call():
    a, b = np.random.default_rng(0).normal(size=(2, 50, 3))
    found = metrics.sliced_wasserstein_distance(a, b + 1)
    assert found == metrics.sliced_wasserstein_distance(a, b + 1)
    assert found < metrics.wasserstein_distance(a, b + 1)


def test_parzen_log_likelihood_equals_scikit_learn():
    rng = np.random.default_rng(0)
    samples, test, validation = (
        rng.uniform(-1, 1, (n, 2, 3, 1)) for n in (50, 501, 40)
    )
    found = metrics.parzen_log_likelihood(samples, test, validation)
    pixels = [
        (x.reshape(len(x), 6) + 1) / 2 for x in (samples, test, validation)
    ]
    scores = {}
    for sigma in np.logspace(-1, 0, 10):
        kernel = KernelDensity(bandwidth=sigma, atol=0, rtol=1e-12).fit(
            pixels[0]
        )
        scores[kernel.score_samples(pixels[2]).mean()] = (
            sigma,
            kernel.score_samples(pixels[1]),
        )
    sigma, densities = scores[max(scores)]
    assert 0.1 < sigma < 1  # neither the first nor the last
    assert found["sigma"] == sigma
    assert found["mean"] == pytest.approx(densities.mean())
    assert found["standard_error"] == pytest.approx(
        scipy.stats.sem(densities, ddof=0)
    )


def test_parzen_log_likelihood_by_hand():
    grey, black = (
        np.zeros((1, 1, 1, 1)),
        -np.ones((1, 1, 1, 1)),
    )  # 1/2 and 0 in [0, 1]
    found = metrics.parzen_log_likelihood(grey, black, black, [0.25, 0.5])
    expected = {
        "mean": scipy.stats.norm(0.5, 0.5).logpdf(0),
        "standard_error": 0,
        "sigma": 0.5,
    }
    assert found == pytest.approx(expected)
    assert (
        metrics.parzen_log_likelihood(grey, black, grey, [0.25, 0.5])["sigma"]
        == 0.25
    )
    black, white = (
        -np.ones((1, 784)),
        np.ones((1, 784)),
    )  # exp(-39,200) is 0, but has a logarithm
    far = metrics.parzen_log_likelihood(black, white, white, [0.1])["mean"]
    assert far == pytest.approx(784 * scipy.stats.norm(0, 0.1).logpdf(1))
    for wrong in (grey[:0], grey + 1.1, np.zeros((1, 2, 1, 1)), grey * np.nan):
        with pytest.raises(ValueError, match="images of one shape"):
            metrics.parzen_log_likelihood(grey, wrong, grey)
    for sigmas in ([], [0.0, 1.0], 0.5):
        with pytest.raises(ValueError, match="numbers above 0"):
            metrics.parzen_log_likelihood(grey, grey, grey, sigmas)


def test_stacked_mnist_modes_of_digits_in_known_places():
    images, labels = data.load_images("mnist-5k")
    right = (
        metrics.classify_digits(images[:1000]).argmax(axis=1) == labels[:1000]
    )
    digit = [images[:1000][right & (labels[:1000] == i)][0] for i in range(10)]
    # (1, 2, 3) three times and (3, 2, 1) once: two modes, entropy ln 4 - 3/4 ln 3
    stacked = np.stack(
        [
            np.concatenate([digit[i] for i in t], axis=2)
            for t in [(1, 2, 3)] * 3 + [(3, 2, 1)]
        ]
    )
    found = metrics.stacked_mnist_modes(stacked)
    assert found == {
        "modes": 2,
        "kl": pytest.approx(np.log(1000) - np.log(4) + 0.75 * np.log(3)),
    }
    every = np.stack(
        [
            np.concatenate(
                [digit[i // 100], digit[i // 10 % 10], digit[i % 10]], axis=2
            )
            for i in range(1000)
        ]
    )
    assert metrics.stacked_mnist_modes(every) == {
        "modes": 1000,
        "kl": pytest.approx(0, abs=1e-9),
    }
    for wrong in (stacked[..., :1], stacked[:, :27], stacked[0]):
        with pytest.raises(ValueError, match=r"expected \(n, 28, 28, 3\)"):
            metrics.stacked_mnist_modes(wrong)
    with pytest.raises(ValueError, match="255"):
        metrics.stacked_mnist_modes(stacked * 255)


def test_stacked_real_digits_reach_nearly_all_modes():
    stacked, labels = data.stacked_digits(*data.load_images(), 3000, seed=1)
    found = metrics.stacked_mnist_modes(stacked)
    counts = np.bincount(
        labels, minlength=1000
    )  # 3,000 draws leave out about 50 of 1,000 modes
    assert abs(found["modes"] - np.count_nonzero(counts)) <= 10
    assert found["kl"] == pytest.approx(
        np.log(1000) - scipy.stats.entropy(counts), abs=0.02
    )


def test_baselines_of_mode_tables_have_the_scores_of_their_laws():
    _, centres = data.ring(10)
    untrained = np.zeros((50, 2))
    rows = metrics.mode_baselines(untrained, centres, 0.01, n=100_000, seed=1)
    assert list(rows) == [
        "real data",
        "normal noise",
        "even spread",
        "untrained generator",
    ]
    real, noise, even, none = rows.values()
    # within 3 sigma in two dimensions: 1 - exp(-9 / 2)
    assert real["high_quality"] == pytest.approx(1 - np.exp(-4.5), abs=1e-3)
    assert real["modes"] == real["served"] == 8 and real["reverse_kl"] < 1e-3
    # eight discs of radius 0.03 in the square of side 2.06
    share = 8 * np.pi * 0.03**2 / 2.06**2
    assert even["high_quality"] == pytest.approx(share, rel=0.1)
    # each direction has the variance 1/2 of a circle's points: the density of
    # such noise at distance 1 is exp(-1) / pi
    share = 8 * np.pi * 0.03**2 * np.exp(-1) / np.pi
    assert noise["high_quality"] == pytest.approx(share, rel=0.1)
    assert noise["served"] == even["served"] == 8  # served, yet no good
    assert none["modes"] == 0 and none["high_quality"] == 0
    with pytest.raises(ValueError, match="n is 0"):
        metrics.mode_baselines(untrained, centres, 0.01, n=0)
