"""What the chapters measure: one function a metric."""

from gan_lib import data

import functools

import keras
import numpy as np
import ot
import tensorflow as tf
from scipy.special import logsumexp, rel_entr
from scipy.stats import entropy
from sklearn.metrics.pairwise import euclidean_distances, polynomial_kernel
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import gen_batches


@functools.cache
def _digit_classifier():
    """The classifier that data/build_digit_classifier.py makes: digits to
    (features, logits)."""
    classifier = keras.models.load_model(
        data.checked_file("digit-classifier.keras"), compile=False
    )
    return keras.Model(
        classifier.inputs[0],
        [classifier.get_layer("features").output, classifier.outputs[0]],
    )


def _classifier_outputs(images):
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1:] != (28, 28, 1):
        raise ValueError(
            f"received images of shape {images.shape}; expected (n, 28, 28, 1)"
        )
    if not np.issubdtype(images.dtype, np.floating) or not np.all(
        np.abs(images) <= 1
    ):
        raise ValueError(
            f"received {images.dtype} images between {images.min()} and "
            f"{images.max()}; expected floats in [-1, 1]"
        )
    batches = [
        _digit_classifier()(images[i : i + 500], training=False)
        for i in range(0, len(images), 500)
    ]
    features, logits = (
        np.concatenate([batch[i].numpy() for batch in batches])
        for i in range(2)
    )
    return features, logits


def digit_features(images):
    """Features of digits: the last hidden layer of the course's digit
    classifier.

    Args:
        images: float array (n, 28, 28, 1), values in [-1, 1].

    Returns:
        float32 array (n, 64), values of 0 or more.

    Raises:
        ValueError: if the images have another shape or range, or the
            classifier's file is damaged.
    """
    return _classifier_outputs(images)[0]


def classify_digits(images):
    """Probability of each digit, by the course's digit classifier (98.7 % right
    on 1,000 held-out digits).

    Args:
        images: float array (n, 28, 28, 1), values in [-1, 1].

    Returns:
        float32 array (n, 10); each row adds up to 1.

    Raises:
        ValueError: if the images have another shape or range, or the
            classifier's file is damaged.
    """
    logits = _classifier_outputs(images)[1]
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def frechet_distance(features_a, features_b):
    """Frechet distance between the Gaussians with the means and covariances of
    two samples.

        |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2))

    Heusel et al. 2017, equation 6 (arXiv:1706.08500). Its value depends on the
    features and on the sample sizes: compare only what was measured with the
    same ones.

    Args:
        features_a, features_b: float arrays (n_a, d) and (n_b, d), two rows or
            more each.

    Returns:
        float, squared units of the features, 0 or more.

    Raises:
        ValueError: if the arrays are not two samples of vectors of one length.
    """
    a, b = (
        np.asarray(features_a, np.float64),
        np.asarray(features_b, np.float64),
    )
    if (
        a.ndim != 2
        or b.ndim != 2
        or a.shape[1] != b.shape[1]
        or min(len(a), len(b)) < 2
    ):
        raise ValueError(
            f"received shapes {a.shape} and {b.shape}; expected (n_a, d) and "
            "(n_b, d) with n of 2 or more"
        )
    covariance_a, covariance_b = (
        np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b)
    )
    # tr (C_a C_b)^(1/2) through the symmetric root of C_a: exact for singular covariances too, unlike a general root
    values, vectors = np.linalg.eigh(covariance_a)
    root_a = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    overlap = np.sqrt(
        np.maximum(np.linalg.eigvalsh(root_a @ covariance_b @ root_a), 0)
    ).sum()
    means = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2)
    return float(
        max(
            means
            + np.trace(covariance_a)
            + np.trace(covariance_b)
            - 2 * overlap,
            0.0,
        )
    )


def _two_samples(a, b, rows=1):
    """Two samples of vectors of one length, as float64 arrays (n_a, d) and
    (n_b, d) with so many rows or more."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if (
        a.ndim != 2
        or b.ndim != 2
        or a.shape[1] != b.shape[1]
        or min(len(a), len(b)) < rows
    ):
        raise ValueError(
            f"received shapes {a.shape} and {b.shape}; expected (n_a, d) and "
            f"(n_b, d) with n of {rows} or more"
        )
    return a, b


def inception_score(probabilities):
    """How sure a classifier is of each example, and how evenly all classes
    appear: exp of the mean KL(p(y|x) || p(y)).

    Salimans et al. 2016, section 4 (arXiv:1606.03498), with another classifier
    than theirs: its value means nothing beside published ones. They average the
    scores of ten parts of the sample; here all examples make one. It looks at
    the probabilities alone, never at real data.

    Args:
        probabilities: float array (n, classes), such as `classify_digits`
            returns; each row adds up to 1.

    Returns:
        float, from 1 (all examples alike to the classifier) to the number of
        classes (sure of each, all equally often).

    Raises:
        ValueError: if the rows are no probabilities.
    """
    p = np.asarray(probabilities, np.float64)
    if (
        p.ndim != 2
        or not p.size
        or not np.all(p >= 0)
        or np.any(abs(p.sum(axis=1) - 1) > 1e-4)
    ):
        raise ValueError(
            f"received probabilities of shape {p.shape}; "
            "expected (n, classes), values of 0 or more, and rows that add up "
            "to 1"
        )
    return float(
        np.exp(entropy(p, p.mean(axis=0, keepdims=True), axis=1).mean())
    )


def kernel_distance(features_a, features_b):
    """Kernel distance: the squared maximum mean discrepancy of two samples,
    with the kernel (x.y / d + 1)^3.

    The unbiased estimate of Binkowski et al. 2018 (arXiv:1801.01401): pairs of
    an example with itself are left out. So its mean does not depend on the
    sample sizes, unlike that of the Frechet distance, and it is 0 for equal
    distributions. It is taken over all pairs, in blocks; the paper averages
    over smaller parts of the samples.

    Args:
        features_a, features_b: float arrays (n_a, d) and (n_b, d), two rows or
            more each.

    Returns:
        float, in units of the kernel. It may be below 0 by chance.

    Raises:
        ValueError: if the arrays are not two samples of vectors of one length.
    """
    a, b = _two_samples(features_a, features_b, rows=2)

    def total(x, y):
        blocks = gen_batches(len(x), 500)
        return sum(
            polynomial_kernel(x[rows], y, degree=3).sum() for rows in blocks
        )

    def mean_within(x):
        with_itself = np.sum((np.sum(x**2, axis=1) / x.shape[1] + 1) ** 3)
        return (total(x, x) - with_itself) / (len(x) * (len(x) - 1))

    return float(
        mean_within(a) + mean_within(b) - 2 * total(a, b) / (len(a) * len(b))
    )


def precision_recall_density_coverage(real, generated, k=5):
    """Precision and recall by nearest neighbours, and density and coverage.

    Around each example lies a ball that reaches to its k-th nearest neighbour
    in its own sample. Precision is the share of generated examples in some ball
    of a real one, recall the share of real examples in some ball of a generated
    one (Kynkaanniemi et al. 2019, arXiv:1904.06991). Density is the mean number
    of real balls around a generated example, divided by k, and coverage the
    share of real examples with a generated one in their ball (Naeem et al.
    2020, arXiv:2002.09797).

    Args:
        real, generated: float arrays (n_real, d) and (n_generated, d) of
            features or points, more than k rows each.
        k: which neighbour bounds a ball. Compare only what was measured with
            the same k and sample sizes.

    Returns:
        dict of floats: "precision", "recall" and "coverage", in [0, 1];
        "density", 0 or more, and about 1 for equal distributions.

    Raises:
        ValueError: if the arrays are not two samples of vectors of one length,
            or have too few rows.
    """
    real, generated = _two_samples(real, generated)
    if not 1 <= k < min(len(real), len(generated)):
        raise ValueError(
            f"received k={k} for {len(real)} real and {len(generated)} "
            "generated examples; "
            "expected 1 or more, and more examples than that"
        )
    real_radii, generated_radii = (
        NearestNeighbors(n_neighbors=k).fit(x).kneighbors()[0][:, -1]
        for x in (real, generated)
    )
    balls = np.zeros(
        len(generated)
    )  # of real examples, around each generated one
    recalled, covered = np.zeros((2, len(real)), bool)
    for rows in gen_batches(len(generated), 500):
        distances = euclidean_distances(generated[rows], real)
        in_real = distances <= real_radii
        balls[rows] = in_real.sum(axis=1)
        covered |= in_real.any(axis=0)
        recalled |= (distances <= generated_radii[rows, None]).any(axis=0)
    return {
        "precision": float(np.mean(balls > 0)),
        "recall": float(recalled.mean()),
        "density": float(balls.mean() / k),
        "coverage": float(covered.mean()),
    }


def nearest_neighbours(queries, references):
    """For each query, the nearest reference in Euclidean distance over all
    pixels or coordinates.

    Args:
        queries: float array (n, ...).
        references: float array (m, ...) of examples of the same shape.

    Returns:
        distances: float array (n,), in units of the examples' values.
        indices: int array (n,), rows of `references`.

    Raises:
        ValueError: if queries and references differ in shape.
    """
    queries, references = np.asarray(queries), np.asarray(references)
    if queries.shape[1:] != references.shape[1:]:
        raise ValueError(
            f"received examples of shapes {queries.shape[1:]} and "
            f"{references.shape[1:]}; expected one"
        )
    references = references.reshape(len(references), -1)
    algorithm = (
        "kd_tree" if references.shape[1] <= 3 else "brute"
    )  # a tree pays in few dimensions
    search = NearestNeighbors(n_neighbors=1, algorithm=algorithm).fit(
        references
    )
    distances, indices = search.kneighbors(queries.reshape(len(queries), -1))
    return distances[:, 0], indices[:, 0]


def mode_coverage(samples, centres, sigma):
    """Scores samples of a mixture of equal Gaussians, as Srivastava et al.
    2017, "VEEGAN" (arXiv:1705.07761), do.

    A sample is of high quality if its nearest centre lies within 3 sigma. A
    mode is captured if it is nearest to at least one such sample. The reverse
    KL divergence is that of the shares of high-quality samples over the modes
    to equal shares: log K minus their entropy (Lin et al. 2018, "PacGAN",
    arXiv:1712.04086). Perfect samples in two dimensions score 98.89 % high
    quality.

    Args:
        samples: float array (n, d). The published tables use n = 2,500.
        centres: float array (K, d) of the modes.
        sigma: standard deviation of each Gaussian.

    Returns:
        dict: "modes", int, captured ones of K; "high_quality", float, share in
        [0, 1]; "reverse_kl", float, nats, 0 or more, and log K where no sample
        is of high quality.

    Raises:
        ValueError: if samples and centres differ in dimension, or sigma is not
            above 0.
    """
    if np.ndim(samples) != 2 or np.ndim(centres) != 2 or not sigma > 0:
        raise ValueError(
            f"received samples {np.shape(samples)}, centres "
            f"{np.shape(centres)} and sigma={sigma}; "
            "expected (n, d), (K, d) and a number above 0"
        )
    distances, nearest = nearest_neighbours(samples, centres)
    good = distances <= 3 * sigma
    counts = np.bincount(nearest[good], minlength=len(centres))
    reverse_kl = np.log(len(centres)) - (
        entropy(counts) if counts.any() else 0.0
    )
    return {
        "modes": int(np.count_nonzero(counts)),
        "high_quality": float(good.mean()),
        "reverse_kl": float(max(reverse_kl, 0.0)),
    }


def stacked_mnist_modes(images):
    """Counts the modes of stacked MNIST: which of the 1,000 triples of digits
    appear, one digit a colour channel.

    Each channel is read by `classify_digits`. A mode is captured if at least
    one image is read as it, as Srivastava et al. 2017, "VEEGAN"
    (arXiv:1705.07761), and Lin et al. 2018, "PacGAN" (arXiv:1712.04086), count
    with their own classifiers. The published tables use n = 26,000. A misread
    digit may add a mode, so see what real images score.

    Args:
        images: float array (n, 28, 28, 3), values in [-1, 1].

    Returns:
        dict: "modes", int, captured ones of 1,000; "kl", float, nats, the KL
        divergence of the shares of the modes to equal shares, from 0 to ln
        1000. Perfect samples score about 999 / 2n: 0.019 for 26,000.

    Raises:
        ValueError: if the images have another shape or range.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1:] != (28, 28, 3):
        raise ValueError(
            f"received images of shape {images.shape}; expected (n, 28, 28, 3)"
        )
    digits = [
        classify_digits(images[..., [channel]]).argmax(axis=1)
        for channel in range(3)
    ]
    counts = np.bincount(
        np.ravel_multi_index(digits, (10, 10, 10)), minlength=1000
    )
    return {
        "modes": int(np.count_nonzero(counts)),
        "kl": float(max(np.log(1000) - entropy(counts), 0.0)),
    }


def served_modes(samples, centres, share=0.5):
    """How many modes of a mixture get enough samples, whatever the quality of
    these.

    A sample belongs to the mode with the nearest centre. A mode is served if it
    gets at least a part of its fair share, which is one K-th of the samples.
    Unlike the captured modes of `mode_coverage`, one stray sample is not
    enough.

    Args:
        samples: float array (n, d).
        centres: float array (K, d) of the modes.
        share: how much of the fair share is enough.

    Returns:
        int, from 0 to K.

    Raises:
        ValueError: if samples and centres differ in dimension.
    """
    counts = np.bincount(
        nearest_neighbours(samples, centres)[1], minlength=len(centres)
    )
    return int(np.count_nonzero(counts * len(centres) >= share * len(samples)))


def mode_baselines(untrained, centres, sigma, n=2500, seed=0):
    """The rows that a table of captured and served modes needs as controls.

    Samples that no training made: real data, the most that can be reached;
    normal noise with the data's mean and standard deviation in each direction;
    an even spread over the rectangle that reaches 3 sigma beyond the outermost
    centres; and what a generator makes before it is trained.

    Args:
        untrained: float array (m, d), samples of an untrained generator, such
            as `model.sample(2500)` before `fit`.
        centres: float array (K, d) of the modes.
        sigma: standard deviation of each Gaussian.
        n: number of samples in each of the other sets.
        seed: integer.

    Returns:
        dict, name of a set to its scores: those of `mode_coverage`, and
        "served", the number of `served_modes`.

    Raises:
        ValueError: if samples and centres differ in dimension, or sigma or n
            is not above 0.
    """
    if n < 1:
        raise ValueError(f"n is {n}; expected 1 or more")
    centres, random = np.asarray(centres), np.random.default_rng(seed)
    real = centres[random.integers(len(centres), size=n)]
    real = real + sigma * random.normal(size=real.shape)
    noise = random.normal(real.mean(axis=0), real.std(axis=0), real.shape)
    low = centres.min(axis=0) - 3 * sigma
    high = centres.max(axis=0) + 3 * sigma
    sets = {
        "real data": real,
        "normal noise": noise,
        "even spread": random.uniform(low, high, real.shape),
        "untrained generator": untrained,
    }
    return {
        name: mode_coverage(samples, centres, sigma)
        | {"served": served_modes(samples, centres)}
        for name, samples in sets.items()
    }


def coverage_and_precision(
    samples, target, coverage_radius=0.05, precision_radius=0.03
):
    """How much of a target the samples reach, and how many of the samples lie
    on it.

    Args:
        samples: float array (n, d).
        target: float array (m, d) of points that lie densely on the target.
        coverage_radius: a target point is reached if a sample lies within this
            distance.
        precision_radius: a sample lies on the target if a target point lies
            within this distance.

    Returns:
        coverage: float, share of the target points that are reached.
        precision: float, share of the samples that lie on the target.

    Raises:
        ValueError: if samples and target differ in dimension.
    """
    coverage = np.mean(
        nearest_neighbours(target, samples)[0] <= coverage_radius
    )
    precision = np.mean(
        nearest_neighbours(samples, target)[0] <= precision_radius
    )
    return float(coverage), float(precision)


def checkerboard_energy(images):
    """Share of the images' variation that alternates from pixel to pixel,
    across or down.

    That is where layers of stride 2 leave their checkerboard pattern (Odena et
    al. 2016, "Deconvolution and Checkerboard Artifacts"): the highest frequency
    of the discrete Fourier transform, half a cycle a pixel.

    Args:
        images: float array (n, height, width, channels), height and width even.

    Returns:
        float in [0, 1]: energy at that frequency over the energy at all
        frequencies but 0, over all images.

    Raises:
        ValueError: if the images are not of that shape.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] % 2 or images.shape[2] % 2:
        raise ValueError(
            f"received shape {images.shape}; expected (n, height, width, "
            "channels), even height and width"
        )
    energy = np.abs(np.fft.fft2(images, axes=(1, 2))) ** 2
    energy[:, 0, 0] = 0
    alternating = np.zeros(images.shape[1:3], bool)
    alternating[images.shape[1] // 2, :] = alternating[
        :, images.shape[2] // 2
    ] = True
    return float(
        energy[:, alternating].sum()
        / max(energy.sum(), np.finfo(energy.dtype).tiny)
    )


def wasserstein_distance(samples_a, samples_b):
    """Exact Wasserstein-1 distance of two samples: the least mean Euclidean
    distance of moving one onto the other.

    The two samples are small clouds, not the distributions that they come from:
    in d dimensions their distance shrinks slowly towards that of the
    distributions, so compare only what was measured with the same sizes.

    Args:
        samples_a, samples_b: float arrays (n_a, d) and (n_b, d). The cost grows
            with the square of n and more: 2,000 points each take about a
            second.

    Returns:
        float, in units of the samples' coordinates.

    Raises:
        ValueError: if the samples are not points of one dimension.
    """
    a, b = _two_samples(samples_a, samples_b)
    weights = (np.full(len(x), 1 / len(x)) for x in (a, b))
    return float(
        ot.emd2(
            *weights, ot.dist(a, b, metric="euclidean"), numItermax=10_000_000
        )
    )


def sliced_wasserstein_distance(samples_a, samples_b):
    """Sliced Wasserstein-1 distance of two samples: the mean distance of their
    shadows on lines in random directions.

    On a line the exact distance takes only a sort, so this one is quick for
    large samples too. It is never above `wasserstein_distance`; for a
    translation in many dimensions d it is about sqrt(pi d / 2) times smaller.
    Bonneel et al. 2015, "Sliced and Radon Wasserstein Barycenters of Measures".
    The 500 directions are the same in every call.

    Args:
        samples_a, samples_b: float arrays (n_a, d) and (n_b, d).

    Returns:
        float, in units of the samples' coordinates.

    Raises:
        ValueError: if the samples are not points of one dimension.
    """
    a, b = _two_samples(samples_a, samples_b)
    random = np.random.RandomState(
        0
    )  # 10 times 50 directions: POT holds all of a call in memory
    parts = [
        ot.sliced_wasserstein_distance(a, b, None, None, 50, 1, seed=random)
        for _ in range(10)
    ]
    return float(np.mean(parts))


def parzen_log_likelihood(samples, test, validation, sigmas=None):
    """Log-likelihood of test images under a Parzen window: an equal Gaussian
    around each generated image.

    The procedure of Goodfellow et al. 2014, section 5 (arXiv:1406.2661), as in
    its released code: of ten values from 0.1 to 1, sigma is the one with the
    highest mean on validation images. Theirs has 10,000 samples. A density
    depends on the unit of the pixels. Published numbers are for pixels in [0,
    1], so ours are brought there first, by (x + 1) / 2. (In [-1, 1], each of d
    pixels would lower the result by ln 2, and sigma would be twice as large.)

    Args:
        samples: float array (n, ...), generated images, values in [-1, 1].
        test: float array (m, ...), real images of the same shape and range.
        validation: float array (l, ...), other real images.
        sigmas: the values to choose from, for pixels in [0, 1]; by default
            `np.logspace(-1, 0, 10)`.

    Returns:
        dict of floats: "mean", nats an image, over the test images;
        "standard_error" of that mean; "sigma", the chosen one.

    Raises:
        ValueError: if the arrays differ in shape, are empty or leave [-1, 1],
            or a sigma is not above 0.
    """
    sigmas = (
        np.logspace(-1, 0, 10)
        if sigmas is None
        else np.asarray(sigmas, np.float64)
    )
    images = [np.asarray(x, np.float64) for x in (samples, test, validation)]
    if len({x.shape[1:] for x in images}) > 1 or not all(
        x.ndim > 1 and x.size and np.all(np.abs(x) <= 1) for x in images
    ):
        raise ValueError(
            f"received samples {images[0].shape}, test {images[1].shape} and "
            f"validation {images[2].shape}; "
            "expected images of one shape, values in [-1, 1]"
        )
    if sigmas.ndim != 1 or not sigmas.size or not np.all(sigmas > 0):
        raise ValueError(
            f"received sigmas={sigmas}; expected one or more numbers above 0"
        )
    samples, test, validation = (
        (x.reshape(len(x), -1) + 1) / 2 for x in images
    )

    def log_densities(points, sigmas):
        blocks = []
        for rows in gen_batches(len(points), 500):
            halves = (
                euclidean_distances(points[rows], samples, squared=True) / 2
            )
            blocks.append(
                [logsumexp(-halves / sigma**2, axis=1) for sigma in sigmas]
            )
        scale = samples.shape[1] * np.log(np.sqrt(2 * np.pi) * sigmas) + np.log(
            len(samples)
        )
        return np.concatenate(blocks, axis=1) - scale[:, None]

    best = sigmas[[log_densities(validation, sigmas).mean(axis=1).argmax()]]
    (found,) = log_densities(test, best)
    return {
        "mean": float(found.mean()),
        "standard_error": float(found.std() / np.sqrt(len(found))),
        "sigma": float(best[0]),
    }


def intrinsic_dimension(samples, neighbours=5):
    """Number of directions in which a sample varies around its points: the
    dimension of the set that it lies on.

    In d dimensions, the number of points within a distance r grows as r^d. So
    the ratios of the distances to a point's nearest neighbours tell d. Their
    maximum likelihood estimate is that of Levina and Bickel 2004, "Maximum
    Likelihood Estimation of Intrinsic Dimension", with the estimates of all
    points averaged as MacKay and Ghahramani 2005 do: the inverse of the mean of
    the inverses. Two neighbours give the ratios of Facco et al. 2017, "TwoNN".
    With a few thousand samples the estimate is too low for d of 10 or more,
    since many points lie at the edge.

    Args:
        samples: float array (n, ...), no two of them equal.
        neighbours: how many nearest neighbours of each sample are used, 2 or
            more.

    Returns:
        float, above 0.

    Raises:
        ValueError: if there are too few neighbours or samples, or two samples
            are equal.
    """
    samples = np.asarray(samples, np.float64)
    if not 2 <= neighbours < len(samples):
        raise ValueError(
            f"received {len(samples)} samples and neighbours={neighbours}; "
            "expected 2 neighbours or more, and more samples than that"
        )
    search = NearestNeighbors(n_neighbors=neighbours).fit(
        samples.reshape(len(samples), -1)
    )
    distances, _ = (
        search.kneighbors()
    )  # of each sample to the others, in rising order
    if not distances[:, 0].all():
        raise ValueError(
            f"{np.sum(distances[:, 0] == 0)} of {len(samples)} samples equal "
            "another one; expected none"
        )
    return float(1 / np.mean(np.log(distances[:, -1:] / distances[:, :-1])))


def jensen_shannon_divergence(p, q):
    """Jensen-Shannon divergence of two tables of probabilities: the mean of
    KL(p || m) and KL(q || m), m their mean.

    Goodfellow et al. 2014, section 4.1 (arXiv:1406.2661). For densities, give
    probability masses: density times the width of a cell.

    Args:
        p, q: float arrays of one shape, values of 0 or more that add up to 1.

    Returns:
        float, nats, from 0 (equal) to ln 2 (nowhere positive together).

    Raises:
        ValueError: if the arrays differ in shape, or one is no table of
            probabilities.
    """
    p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
    if p.shape != q.shape or any(
        np.any(t < 0) or abs(t.sum() - 1) > 1e-6 for t in (p, q)
    ):
        raise ValueError(
            f"received tables of shapes {p.shape} and {q.shape} with sums "
            f"{p.sum():.6g} and {q.sum():.6g}; "
            "expected one shape, values of 0 or more, and sums of 1"
        )
    # 2 p against p + q, not p against the mean: half of the smallest number would be 0
    return float(
        max(np.sum(rel_entr(2 * p, p + q) + rel_entr(2 * q, p + q)) / 4, 0.0)
    )


def lagged_correlation(leader, follower, lag):
    """Correlation of one moving point with another, a number of moments later.

    Args:
        leader, follower: float arrays (moments, d), the two points' coordinates
            at the same moments.
        lag: how many moments after the leader's the follower's position is
            taken; negative: before.

    Returns:
        float in [-1, 1]: covariance summed over the coordinates, over the root
        of the product of both variances.

    Raises:
        ValueError: if the arrays differ in shape, or fewer than two moments are
            left.
    """
    leader, follower = (
        np.asarray(leader, np.float64),
        np.asarray(follower, np.float64),
    )
    left = len(leader) - abs(lag)
    if leader.shape != follower.shape or leader.ndim != 2 or left < 2:
        raise ValueError(
            f"received shapes {leader.shape} and {follower.shape} and "
            f"lag={lag}; "
            "expected (moments, d) twice, with two moments or more besides "
            "the lag"
        )
    a = leader[max(-lag, 0) :][:left]
    b = follower[max(lag, 0) :][:left]
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return float(
        np.sum(a * b)
        / max(np.sqrt(np.sum(a**2) * np.sum(b**2)), np.finfo(float).tiny)
    )


def jacobian(generator, latent):
    """How the generated examples change with their latent vectors.

    Args:
        generator: Keras model, latent vectors (batch, latent_dim) to points
            (batch, d).
        latent: float array (n, latent_dim).

    Returns:
        float32 array (n, d, latent_dim): the derivative of each coordinate by
        each number of the latent vector.
    """
    latent = tf.constant(latent, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(latent)
        points = generator(latent, training=False)
    return tape.batch_jacobian(points, latent).numpy()
