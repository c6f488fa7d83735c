"""The figures of the chapters. Each function takes arrays and returns a matplotlib figure.

Blue is real and vermilion is generated, in every figure; line styles and markers tell them apart without colour.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

REAL, GENERATED = "#0072B2", "#D55E00"
# of series that are neither real nor generated: told apart by their dashes too
OTHERS = [
    ("black", "-"),
    ("#009E73", "--"),
    ("#CC79A7", "-."),
    ("#56B4E9", ":"),
    ("#E69F00", (0, (5, 1, 1, 1, 1, 1))),
    ("#7F7F7F", (0, (8, 2))),
]


def _figure(*shape, **options):
    """A figure that pyplot does not keep, so that a notebook shows it once: where a cell returns or displays it."""
    figure, axes = plt.subplots(*shape, layout="constrained", **options)
    plt.close(figure)
    return figure, axes


def _square_panels(titles, columns, size):
    """A grid of square panels with titles, `columns` in a row; panels that are left over are hidden."""
    columns = min(columns, len(titles))
    rows = -(-len(titles) // columns)
    figure, axes = _figure(
        rows,
        columns,
        figsize=(columns * size, rows * (size + 0.3)),
        squeeze=False,
    )
    for axis, title in zip(axes.flat, titles, strict=False):
        axis.set_title(title, fontsize=9)
    for axis in axes.flat[len(titles) :]:
        axis.set_visible(False)
    return figure, axes


def image_grid(images, columns=8, title=None, row_labels=None):
    """Images side by side, in rows.

    Args:
        images: float array (n, height, width, channels), values in [-1, 1], 1 or 3 channels.
        columns: images in a row.
        title: text above.
        row_labels: one text a row, at its left.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"received shape {images.shape}; expected (n, height, width, channels) with 1 or 3 channels"
        )
    n, height, width, channels = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    gap = 1  # pixels of white between two images
    board = np.ones(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, channels),
        np.float32,
    )
    for i, image in enumerate(images):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        board[top : top + height, left : left + width] = (
            np.clip(image, -1, 1) + 1
        ) / 2
    scale = min(0.62, 9 / columns)
    label_space = 0.085 * max(map(len, row_labels)) if row_labels else 0
    figure, axis = _figure(
        figsize=(columns * scale + label_space, rows * scale + 0.35)
    )
    axis.imshow(
        board.squeeze(), cmap="gray", vmin=0, vmax=1, interpolation="nearest"
    )
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    if row_labels:
        axis.set_yticks(
            [row * (height + gap) + height / 2 for row in range(rows)],
            row_labels,
            fontsize=9,
        )
        axis.tick_params(length=0)
    if title:
        axis.set_title(title, fontsize=10, loc="left")
    return figure


def loss_curves(histories, x_label="epoch", y_limit=None):
    """The losses of one or more runs, one panel a run, with the same limits.

    Args:
        histories: dict, title of a panel to the `history` dict that `fit` returns (names of losses to lists).
        x_label: what one point of the lists stands for.
        y_limit: upper end of the vertical axis, from 0, where a single high value would flatten all others.
    """
    figure, axes = _figure(
        1,
        len(histories),
        figsize=(4 * len(histories) + 1, 2.8),
        sharey=True,
        squeeze=False,
    )
    styles = {
        "discriminator_loss": (REAL, "-"),
        "generator_loss": (GENERATED, "--"),
    }
    for axis, (title, history) in zip(axes[0], histories.items(), strict=True):
        for name, values in history.items():
            colour, line = styles[name]
            axis.plot(
                np.arange(1, len(values) + 1),
                values,
                line,
                color=colour,
                label=name.replace("_", " "),
            )
        axis.axhline(
            np.log(2), color="gray", linewidth=0.8, linestyle=":", label="ln 2"
        )
        axis.set_title(title, fontsize=10)
        axis.set_xlabel(x_label)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    if y_limit:
        axes[0, 0].set_ylim(0, y_limit)
    axes[0, 0].set_ylabel("loss (nats)")
    axes[0, 0].legend(fontsize=8)
    return figure


def histograms(samples, x_label, bins=40, styles=None):
    """Histograms of several samples over one axis: the first is real, the second generated, further ones are grey.

    Args:
        samples: dict, name to array of numbers.
        x_label: what the numbers are, with their unit.
        bins: number of bins.
        styles: list of (colour, line style), where the samples are something else.
    """
    figure, axis = _figure(figsize=(6.5, 2.8))
    edges = np.histogram_bin_edges(
        np.concatenate([np.ravel(values) for values in samples.values()]), bins
    )
    styles = styles or [
        (REAL, "-"),
        (GENERATED, "--"),
        ("gray", ":"),
        ("black", "-."),
    ]
    for (name, values), (colour, line) in zip(
        samples.items(), styles, strict=False
    ):
        weights = np.full(np.size(values), 1 / np.size(values))
        axis.hist(
            np.ravel(values),
            edges,
            weights=weights,
            histtype="stepfilled",
            color=colour,
            alpha=0.15,
        )
        axis.hist(
            np.ravel(values),
            edges,
            weights=weights,
            histtype="step",
            color=colour,
            linestyle=line,
            label=name,
            lw=1.6,
        )
    axis.set_xlabel(x_label)
    axis.set_ylabel("share")
    axis.legend(fontsize=8)
    return figure


def point_panels(panels, real=None, limit=1.2, columns=4, size=2.4):
    """Generated points in the plane, one panel a set, all panels with the same limits.

    Args:
        panels: dict, title to generated points (n, 2), float.
        real: points (m, 2) drawn under those of each panel.
        limit: the panels show [-limit, limit] in both directions.
        columns: panels in a row.
        size: inches of a panel's side.
    """
    figure, axes = _square_panels(panels, columns, size)
    for axis, points in zip(axes.flat, panels.values(), strict=False):
        draw_points(axis, points, real, limit)
    if real is not None:
        axes[0, 0].legend(fontsize=7, loc="upper right", markerscale=2)
    return figure


def draw_points(axis, generated, real=None, limit=1.2):
    """Draws real points (blue dots) and generated points (vermilion crosses) into an axis of a figure."""
    if real is not None:
        axis.plot(
            *np.asarray(real).T,
            ".",
            color=REAL,
            ms=2,
            alpha=0.5,
            label="real",
            rasterized=True,
        )
    axis.plot(
        *np.asarray(generated).T,
        "x",
        color=GENERATED,
        ms=2.5,
        mew=0.7,
        alpha=0.7,
        label="generated",
    )
    axis.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    axis.tick_params(labelsize=7)


def curves(
    series, x_label, y_label, log=False, styles=None, size=(6.5, 3.0), axis=None
):
    """Lines over a common axis. Of several runs, the median, and a band from the lowest to the highest.

    Args:
        series: dict, name to (x, y): x an array (n,), y an array (n,) or, of several runs, (runs, n).
        x_label, y_label: what the axes show, with units.
        log: whether the vertical axis is logarithmic.
        styles: dict, name to (colour, line style), for series that are real or generated.
        size: inches, width and height.
        axis: axis to draw into; by default a new figure.

    Returns:
        the figure.
    """
    if axis is None:
        _, axis = _figure(figsize=size)
    for i, (name, (x, y)) in enumerate(series.items()):
        colour, line = (styles or {}).get(name, OTHERS[i % len(OTHERS)])
        y = np.asarray(y)
        if y.ndim == 2:
            axis.fill_between(
                x, y.min(axis=0), y.max(axis=0), color=colour, alpha=0.15, lw=0
            )
            y = np.median(y, axis=0)
        axis.plot(x, y, color=colour, linestyle=line, label=name, lw=1.6)
    axis.set(xlabel=x_label, ylabel=y_label)
    if log:
        axis.set_yscale("log")
    axis.legend(fontsize=8)
    return axis.figure


def curve_rows(rows, x_label, own_limits=(), size=(2.5, 2.3)):
    """Rows of panels with curves, as `curves` draws them, over a common horizontal axis.

    Args:
        rows: dict, label of a row's vertical axes to a dict, title of a panel to its series. All rows have the same
            titles, which stand above the first.
        x_label: what the horizontal axes show, with unit.
        own_limits: labels of rows whose panels have vertical limits of their own; the others share them.
        size: inches of a panel, width and height.

    Returns:
        the figure.
    """
    columns = len(next(iter(rows.values())))
    options = {
        "figsize": (columns * size[0], len(rows) * size[1]),
        "squeeze": False,
    }
    figure, axes = _figure(len(rows), columns, sharex=True, **options)
    for i, (y_label, panels) in enumerate(rows.items()):
        for axis, (title, series) in zip(axes[i], panels.items(), strict=True):
            curves(series, x_label if axis in axes[-1] else "", "", axis=axis)
            axis.legend(fontsize=7)
            if list(series) == [y_label]:
                axis.get_legend().remove()
            if i == 0:
                axis.set_title(title, fontsize=9)
            if y_label not in own_limits and axis is not axes[i, 0]:
                axis.sharey(axes[i, 0])
        axes[i, 0].set_ylabel(y_label)
    return figure


def offset_panels(offsets, computed, exact, x_label, y_label, continuous=()):
    """Measures of the distance of two sets, one panel each, as functions of the offset between the sets.

    Closed forms are lines, with a gap and a dot at offset 0; computed values are circles. Infinite values are triangles
    at the upper edge.

    Args:
        offsets: float array (n,), rising, 0 among them.
        computed, exact: dicts, title to float array (n,), which may have infinite values.
        x_label, y_label: what the axes show, with units.
        continuous: titles of those that do not jump at offset 0.

    Returns:
        the figure.
    """
    figure, axes = _figure(
        1, len(exact), figsize=(3.2 * len(exact), 3.2), sharey=True
    )
    top = 1.15 * max(
        np.max(np.ma.masked_invalid(values)) for values in exact.values()
    )
    for axis, (title, values) in zip(axes, exact.items(), strict=True):
        found, infinite = np.asarray(computed[title]), np.isinf(computed[title])
        sides = (
            (offsets < np.inf,)
            if title in continuous
            else (offsets < 0, offsets > 0)
        )
        for side in sides:
            axis.plot(
                offsets[side],
                values[side],
                color="black",
                lw=1.6,
                label="closed form",
            )
        if title not in continuous:
            axis.plot(0, values[offsets == 0], "o", color="black", ms=6)
        finite = {"mfc": "none", "color": "black", "label": "computed"}
        axis.plot(offsets[~infinite], found[~infinite], "o", **finite)
        axis.plot(
            offsets[infinite],
            np.full(infinite.sum(), top),
            "^k",
            ms=6,
            label="infinite",
        )
        axis.set(title=title, xlabel=x_label, ylim=(-0.05 * top, 1.05 * top))
    labels = dict(zip(*axes[0].get_legend_handles_labels()[::-1], strict=True))
    axes[0].legend(labels.values(), labels, fontsize=8, loc="center")
    axes[0].set_ylabel(y_label)
    return figure


def strip_panels(panels, x_label, limits, size=(3.2, 3.0)):
    """A dot for each run, one line a setting and one panel a task; a bar marks the median of a line.

    Args:
        panels: dict, title to a dict, name of a setting to array (runs,). All panels have the same settings.
        x_label: what the horizontal axes show, with unit.
        limits: (low, high) of the horizontal axes.
        size: inches of a panel, width and height.

    Returns:
        the figure.
    """
    shape = {
        "figsize": (len(panels) * size[0], size[1]),
        "sharey": True,
        "squeeze": False,
    }
    figure, axes = _figure(1, len(panels), **shape)
    for axis, (title, settings) in zip(axes[0], panels.items(), strict=True):
        for place, values in enumerate(settings.values()):
            axis.plot(
                values,
                np.full(len(values), place),
                "o",
                color="black",
                ms=4,
                mfc="none",
            )
            axis.plot(
                np.median(values), place, "|", color="black", ms=14, mew=2.5
            )
        axis.set(title=title, xlabel=x_label, xlim=limits)
        axis.set_yticks(range(len(settings)), settings)
        axis.grid(axis="y", lw=0.4)
    axes[
        0, 0
    ].invert_yaxis()  # shared: the first setting comes first in all panels
    return figure


def heat_maps(
    panels, x_values, y_values, x_label, y_label, value_label, number="{:.1f}"
):
    """Tables as colours, one panel a table, with one scale of colours and the numbers written in.

    Args:
        panels: dict, title to float array (len(y_values), len(x_values)).
        x_values, y_values: what the columns and rows stand for.
        x_label, y_label: what these values are, with units.
        value_label: what the numbers are, with unit.
        number: format of a number.
    """
    figure, axes = _figure(
        1,
        len(panels),
        figsize=(3.1 * len(panels) + 1, 3.1),
        sharey=True,
        squeeze=False,
    )
    low = min(np.min(values) for values in panels.values())
    high = max(np.max(values) for values in panels.values())
    for axis, (title, values) in zip(axes[0], panels.items(), strict=True):
        picture = axis.imshow(
            values, cmap="viridis", vmin=low, vmax=high, aspect="auto"
        )
        for (row, column), value in np.ndenumerate(np.asarray(values)):
            colour = "white" if value < (low + high) / 2 else "black"
            axis.text(
                column,
                row,
                number.format(value),
                ha="center",
                va="center",
                color=colour,
                fontsize=9,
            )
        axis.set_xticks(range(len(x_values)), x_values)
        axis.set_yticks(range(len(y_values)), y_values)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel(x_label)
    axes[0, 0].set_ylabel(y_label)
    figure.colorbar(picture, ax=axes[0, :], label=value_label)
    return figure


def latent_maps(maps, latent, values, value_label, limit=1.2):
    """Where maps put the latent square: each latent vector has one colour, in the square and in every picture of it.

    Args:
        maps: dict, title to the points (n, 2) that a map makes of the latent vectors.
        latent: latent vectors (n, 2) in [-1, 1]^2.
        values: float array (n,), the number that a latent vector's colour stands for.
        value_label: what the number is, with unit.
        limit: the panels of the maps show [-limit, limit] in both directions.
    """
    figure, axes = _figure(
        1,
        1 + len(maps),
        figsize=(2.9 * (1 + len(maps)) + 0.8, 3.1),
        squeeze=False,
    )
    panels = {"latent square": latent} | maps
    for axis, (title, points) in zip(axes[0], panels.items(), strict=True):
        dots = axis.scatter(
            *np.asarray(points).T,
            c=values,
            cmap=plt.get_cmap("viridis", 16),  # few colours: a small file
            s=8
            if axis is axes[0, 0]
            else 3,  # a lattice of 61 x 61 fills the square
            lw=0,
            marker="s",
            antialiased=False,
        )
        axis.set(
            xlim=(-limit, limit),
            ylim=(-limit, limit),
            aspect="equal",
            xlabel="$x_1$",
        )
        axis.set_title(title, fontsize=9)
    axes[0, 0].set(
        xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xlabel="$z_0$", ylabel="$z_1$"
    )
    axes[0, 1].set_ylabel("$x_2$")
    figure.colorbar(dots, ax=axes[0, :], label=value_label)
    return figure


def probability_panels(panels, points, limit=1.2):
    """A discriminator's probability over the plane, one panel a discriminator: light is "real", dark "generated".

    Args:
        panels: dict, title to float array (n, n) of probabilities over [-limit, limit]^2, rows from low to high x_2.
        points: dict, the same titles to a pair of arrays (m, 2): real and generated points, drawn on top.
        limit: the panels show [-limit, limit] in both directions.
    """
    figure, axes = _figure(
        1,
        len(panels),
        figsize=(2.9 * len(panels) + 0.9, 3.1),
        squeeze=False,
        sharey=True,
    )
    for axis, (title, probability) in zip(axes[0], panels.items(), strict=True):
        real, generated = points[title]
        shades = _draw_probability(axis, probability, limit)
        draw_points(axis, generated, real, limit)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("$x_1$")
    axes[0, 0].set_ylabel("$x_2$")
    figure.colorbar(shades, ax=axes[0, :], label="probability of real")
    return figure


def contour_panels(panels, real, limit=2.5, columns=3, levels=10, size=2.9):
    """Scores of critics over the plane as contour lines, one panel a critic: light is high, dark is low.

    Each panel has levels of its own, evenly spread over its scores: it shows the shape of a critic, not its scale.

    Args:
        panels: dict, title to float array (n, n) of scores over [-limit, limit]^2, rows from low to high x_2.
        real: dict, the same titles to real points (m, 2), drawn on top.
        limit: the panels show [-limit, limit] in both directions.
        columns: panels in a row.
        levels: contour lines in a panel.
        size: inches of a panel's side.
    """
    figure, axes = _square_panels(panels, columns, size)
    for axis, (title, scores) in zip(axes.flat, panels.items(), strict=False):
        line = np.linspace(-limit, limit, len(scores))
        low = float(np.min(scores))
        high = max(float(np.max(scores)), low + 1e-6)  # a critic may be flat
        heights = np.linspace(low, high, levels + 2)
        shades = {"cmap": "gray", "vmin": 2 * low - high, "vmax": high}
        axis.contourf(line, line, scores, heights, antialiased=False, **shades)
        lines = {"colors": "black", "linewidths": 0.8, "linestyles": "-"}
        axis.contour(
            line, line, scores, heights[1:-1], antialiased=False, **lines
        )  # a small file
        dots = {"color": REAL, "ms": 4, "label": "real", "antialiased": False}
        axis.plot(*np.asarray(real[title]).T, ".", **dots)
        axis.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        axis.tick_params(labelsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("$x_1$")
    for axis in axes[:, 0]:
        axis.set_ylabel("$x_2$")
    axes[0, 0].legend(fontsize=8, loc="upper right", markerscale=2)
    return figure


def pair_panels(panels, real, weights):
    """Pairs of a real and a generated point, each joined by a line with one interpolated point on it.

    Args:
        panels: dict, title to generated points (n, 2), the partners of the real points in their order. The mean length
            of the lines is added to the title.
        real: points (n, 2).
        weights: array (n,): 0 puts the interpolated point on the real one, 1 on the generated one.
    """
    shape = {
        "figsize": (4.2 * len(panels), 4.3),
        "squeeze": False,
        "sharex": True,
        "sharey": True,
    }
    figure, axes = _figure(1, len(panels), **shape)
    for axis, (title, generated) in zip(axes[0], panels.items(), strict=True):
        between = real + np.reshape(weights, (-1, 1)) * (generated - real)
        axis.plot(
            *np.stack([real, generated]).transpose(2, 0, 1),
            color="gray",
            lw=0.7,
            zorder=0,
        )
        axis.plot(*real.T, "o", color=REAL, ms=5, label="real")
        axis.plot(
            *generated.T, "x", color=GENERATED, ms=6, mew=1.6, label="generated"
        )
        axis.plot(*between.T, ".", color="black", ms=6, label="interpolated")
        length = np.linalg.norm(real - generated, axis=1).mean()
        axis.set(
            title=f"{title}: mean length {length:.2f}",
            aspect="equal",
            xlabel="$x_1$",
        )
    axes[0, 0].set_ylabel("$x_2$")
    axes[0, -1].legend(fontsize=8)
    return figure


def ball_panels(real, generated, k=5, limit=1.2):
    """Precision and recall in the plane: the balls of one sample, and which points of the other lie in none of them.

    Each ball reaches from a point to its k-th nearest neighbour in its own sample. The titles give the share of points
    in a ball; those in none are black.

    Args:
        real, generated: points (n, 2) and (m, 2), more than k of each.
        k: which neighbour bounds a ball.
        limit: the panels show [-limit, limit] in both directions.
    """
    real, generated = (real, REAL, "."), (generated, GENERATED, "x")
    panels = {"precision: balls of real points": (real, generated)}
    panels["recall: balls of generated points"] = (generated, real)
    figure, axes = _square_panels(panels, 2, 3.6)
    for axis, (title, pair) in zip(axes.flat, panels.items(), strict=True):
        (centres, inner, dot), (others, outer, marker) = pair
        within = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
        radii = np.sort(within, axis=1)[:, k]  # column 0 is the point itself
        for centre, radius in zip(centres, radii, strict=True):
            axis.add_patch(
                plt.Circle(
                    centre,
                    radius,
                    facecolor=(inner, 0.06),
                    edgecolor=(inner, 0.4),
                )
            )
        distances = np.linalg.norm(others[:, None] - centres[None], axis=-1)
        inside = np.any(distances <= radii, axis=1)
        axis.plot(*centres.T, dot, color=inner, ms=4)
        axis.plot(*others[inside].T, marker, color=outer, label="in a ball")
        axis.plot(*others[~inside].T, marker, color="black", label="in none")
        axis.set(
            aspect="equal",
            xlim=(-limit, limit),
            ylim=(-limit, limit),
            xlabel="$x_1$",
        )
        axis.set_title(f"{title}: {inside.mean():.2f}", fontsize=9)
        axis.legend(fontsize=8, loc="upper right")
    axes.flat[0].set_ylabel("$x_2$")
    return figure


def weight_panels(panels, bins=41):
    """Histograms of the weights of networks, one panel a network, each with a horizontal axis of its own.

    Args:
        panels: dict, title to array of weights.
        bins: number of bins.
    """
    figure, axes = _figure(
        1,
        len(panels),
        figsize=(3 * len(panels), 2.6),
        squeeze=False,
        sharey=True,
    )
    for axis, (title, values) in zip(axes[0], panels.items(), strict=True):
        share = np.full(np.size(values), 1 / np.size(values))
        axis.hist(
            np.ravel(values),
            bins,
            weights=share,
            color="lightgray",
            edgecolor="black",
            lw=0.5,
        )
        axis.set(title=title, xlabel="weight")
    axes[0, 0].set_ylabel("share of the weights")
    return figure


def _draw_probability(axis, probability, limit):
    line = np.linspace(-limit, limit, len(probability))
    shades = axis.contourf(
        line,
        line,
        probability,
        np.linspace(0, 1, 11),
        cmap="gray",
        vmin=-0.4,
        vmax=1,
    )
    axis.contour(
        line,
        line,
        probability,
        [0.5],
        colors="black",
        linewidths=1,
        linestyles="--",
    )
    return shades


def game_panels(
    history, generated, real, latent_map, plane_map, steps, limit=1.5
):
    """A game in the plane at one moment: its past, its samples, and the discriminator over both spaces.

    Made to be drawn again and again: always the same places and limits, and fast.

    Args:
        history: dict of equally long lists up to now: "step", "discriminator_loss", "generator_loss",
            "accuracy_on_real", "accuracy_on_generated" (shares in [0, 1]).
        generated: generated points (n, 2).
        real: real points (m, 2).
        latent_map: float array (k, k), D(G(z)) over the latent square [-1, 1]^2, rows from low to high z_1.
        plane_map: float array (k, k), D(x) over [-limit, limit]^2, rows from low to high x_2.
        steps: the last step of the horizontal axes.
        limit: the panels of the plane show [-limit, limit] in both directions.
    """
    figure = plt.figure(figsize=(7.2, 6.8))
    plt.close(figure)
    places = [
        (0.09, 0.75),
        (0.09, 0.57),
        (0.56, 0.57),
        (0.09, 0.07),
        (0.56, 0.07),
    ]
    sizes = [(0.38, 0.16)] * 2 + [(0.36, 0.34)] + [(0.36, 0.38)] * 2
    losses, accuracies, samples, latent, plane = (
        figure.add_axes((*place, *size))
        for place, size in zip(places, sizes, strict=True)
    )
    series = [
        (losses, "discriminator_loss", "discriminator", REAL, "-"),
        (losses, "generator_loss", "generator", GENERATED, "--"),
        (accuracies, "accuracy_on_real", "on real", REAL, "-"),
        (accuracies, "accuracy_on_generated", "on generated", GENERATED, "--"),
    ]
    for axis, name, label, colour, dashes in series:
        axis.plot(
            history["step"],
            history[name],
            dashes,
            color=colour,
            label=label,
            lw=1.1,
        )
        axis.set_xlim(0, steps)
        axis.legend(fontsize=7, loc="upper right", ncols=2)
    losses.axhline(np.log(2), color="gray", lw=0.8, ls=":")
    losses.set(ylim=(0, 2), ylabel="loss (nats)", xticklabels=[])
    accuracies.set(
        ylim=(-0.05, 1.45), yticks=[0, 0.5, 1], ylabel="accuracy", xlabel="step"
    )
    draw_points(samples, generated, real, limit)
    samples.set_title("real and generated samples", fontsize=9)
    _draw_probability(latent, latent_map, 1)
    latent.set(aspect="equal", xlabel="$z_0$", ylabel="$z_1$")
    latent.set_title("D(G(z)) over the latent square", fontsize=9)
    _draw_probability(plane, plane_map, limit)
    plane.set(aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    plane.set_title("D(x) over the plane (light: real)", fontsize=9)
    for axis in figure.axes:
        axis.tick_params(labelsize=7)
    return figure
