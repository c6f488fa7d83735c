"""The figures of the chapters. Each function takes arrays and returns a
matplotlib figure.

Blue is real and vermilion is generated, in every figure; line styles and
markers tell them apart without colour. What a discriminator says of a point
goes from vermilion (generated) over white (1/2) to blue (real).

A figure is 9 inches wide at most and its text has 9 points or more, so that a
notebook 800 pixels wide still shows 8 points. It is white behind, so that a
dark page leaves it legible, and it carries a text alternative.
"""

import base64
import io
import re
import textwrap

import matplotlib
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator
from PIL import Image

REAL, GENERATED = "#0072B2", "#D55E00"
PROBABILITY = LinearSegmentedColormap.from_list(
    "probability of real", [GENERATED, "white", REAL]
)
# of series that are neither real nor generated: told apart by their dashes too
OTHERS = [
    ("black", "-"),
    ("#009E73", "--"),
    ("#CC79A7", "-."),
    ("#56B4E9", ":"),
    ("#E69F00", (0, (5, 1, 1, 1, 1, 1))),
    ("#7F7F7F", (0, (8, 2))),
]
WIDTH = 9  # inches of the widest figure
FONTS = {
    "font.size": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}


class DescribedFigure(Figure):
    """A matplotlib figure that a notebook shows with a text alternative.

    The text stands as `text/plain` beside the picture, and as `alt` in the
    metadata of the output.

    Attributes:
        kind: what the figure is, such as "Line chart"; the description begins
            with it.
        alt: the text alternative. None has it made from titles, labels and
            legends when the figure is shown.
    """

    kind = "Figure"
    alt = None

    def _repr_mimebundle_(self, include=None, exclude=None):
        text = describe(self)
        return (
            {"image/png": self._png(), "text/plain": text},
            {"image/png": {"alt": text}},
        )

    def _png(self):
        """The figure as notebooks store it: 256 colours, a small file without
        transparency."""
        drawn, stored = io.BytesIO(), io.BytesIO()
        self.savefig(
            drawn, format="png", facecolor="white", bbox_inches="tight"
        )
        image = Image.open(drawn).convert("RGB")
        # this method keeps colours that are seldom
        image = image.quantize(256, Image.Quantize.MAXCOVERAGE)
        image.save(stored, "PNG")
        return base64.b64encode(stored.getvalue()).decode("ascii")


def describe(figure):
    """What a figure shows, in words: its kind, and the titles, axes and series
    of its panels.

    Args:
        figure: any matplotlib figure.

    Returns:
        str, one line. It holds no number that is not written in the figure's
        titles or labels.
    """
    if getattr(figure, "alt", None):
        return figure.alt
    panels, scales, y_label, before = [], [], "", ["", ""]
    for axis in figure.axes:
        if not axis.get_visible():
            continue
        if axis.get_label() == "<colorbar>":
            scales.append(f"colours: {axis.get_ylabel()}")
            continue
        y_label = axis.get_ylabel() or y_label  # of the panel on the left
        labels = " against ".join(filter(None, [y_label, axis.get_xlabel()]))
        series = dict.fromkeys(axis.get_legend_handles_labels()[1])
        said = [labels, ", ".join(series)]
        title = axis.get_title() or axis.get_title(loc="left")
        # what a panel has in common with the one before is said once
        new = [a for a, b in zip(said, before, strict=True) if a != b]
        panels.append(": ".join(filter(None, [title, *new])))
        before = said
    text = getattr(figure, "kind", "Figure")
    if len(panels) > 1:
        text += f", {len(panels)} panels"
    text = ". ".join([text, *filter(None, panels), *scales]) + "."
    return " ".join(re.sub(r"[$\\{}]", "", text).split())


def new_figure(rows=1, columns=1, kind="Figure", figsize=None, **options):
    """A white figure with a text alternative, for panels of your own.

    pyplot does not keep it, so a notebook shows it once: where a cell returns
    or displays it.

    Args:
        rows, columns: panels below and beside each other.
        kind: what the figure is, the first words of its description.
        figsize: inches, width and height. A width above 9 becomes 9.
        options: of `matplotlib.figure.Figure.subplots`, such as `sharey`.

    Returns:
        the figure, and its axis or array of axes.
    """
    width, height = figsize or (6.5, 3.0)
    with matplotlib.rc_context(FONTS):
        figure = DescribedFigure(
            figsize=(min(width, WIDTH), height),
            layout="constrained",
            facecolor="white",
        )
        axes = figure.subplots(rows, columns, **options)
    figure.kind = kind
    return figure, axes


def _set_title(axis, title, inches):
    """A title whose lines are no longer than the panel is wide."""
    lines = [
        textwrap.fill(line, max(int(inches * 14), 12))
        for line in title.splitlines()
    ]
    axis.set_title("\n".join(lines), fontsize=9)


def _row_of_panels(titles, size, extra=0, **options):
    """Panels beside each other with titles; `size` is what each has, `extra`
    the width beside them."""
    side = min(size[0], (WIDTH - extra) / len(titles))
    figure, axes = new_figure(
        1,
        len(titles),
        figsize=(side * len(titles) + extra, size[1]),
        squeeze=False,
        **options,
    )
    for axis, title in zip(axes[0], titles, strict=True):
        _set_title(axis, title, side - 0.4)
    return figure, axes[0]


def _square_panels(titles, columns, size, kind):
    """A grid of square panels with titles, `columns` in a row; panels that are
    left over are hidden."""
    columns = min(columns, len(titles))
    rows = -(-len(titles) // columns)
    size = min(size, WIDTH / columns)
    figure, axes = new_figure(
        rows,
        columns,
        kind,
        figsize=(columns * size, rows * (size + 0.3)),
        squeeze=False,
    )
    for axis, title in zip(axes.flat, titles, strict=False):
        _set_title(axis, title, size - 0.3)
    for axis in axes.flat[len(titles) :]:
        axis.set_visible(False)
    return figure, axes


def image_grid(images, columns=8, title=None, row_labels=None):
    """Images side by side, in rows.

    Args:
        images: float array (n, height, width, channels), values in [-1, 1], 1
            or 3 channels.
        columns: images in a row.
        title: text above.
        row_labels: one text a row, at its left.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise ValueError(
            f"received shape {images.shape}; expected (n, height, width, "
            "channels) with 1 image or more and 1 or 3 channels"
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
    label_space = 0.085 * max(map(len, row_labels)) if row_labels else 0
    scale = min(0.62, (WIDTH - label_space) / columns)
    figure, axis = new_figure(
        kind=f"{n} images of {height} x {width} pixels in rows of {columns}",
        figsize=(columns * scale + label_space, rows * scale + 0.35),
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
        )
        axis.tick_params(length=0)
        figure.kind += f"; rows: {', '.join(filter(None, row_labels))}"
    if title:
        axis.set_title(title, loc="left", fontsize=9)
    return figure


def loss_curves(histories, x_label="epoch", y_limit=None):
    """The losses of one or more runs, one panel a run, with the same limits.

    Args:
        histories: dict, title of a panel to the `history` dict that `fit` of
            a `GAN` returns (names of losses to lists), with those of held-out
            examples or without.
        x_label: what one point of the lists stands for.
        y_limit: upper end of the vertical axis, from 0, where a single high
            value would flatten all others.

    Raises:
        ValueError: if a history has other losses.
    """
    styles = {
        "discriminator_loss": (REAL, "-"),
        "generator_loss": (GENERATED, "--"),
        "val_discriminator_loss": (REAL, "-."),
        "val_generator_loss": (GENERATED, "-."),
    }
    for history in histories.values():
        if not history.keys() <= styles.keys():
            raise ValueError(
                f"received losses {', '.join(history)}; expected those of a "
                f"GAN: {', '.join(styles)}"
            )
    figure, axes = _row_of_panels(
        histories, (4.5, 2.8), kind="Line chart", sharey=True
    )
    for axis, history in zip(axes, histories.values(), strict=True):
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
        axis.set_xlabel(x_label)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    if y_limit:
        axes[0].set_ylim(0, y_limit)
    axes[0].set_ylabel("loss (nats)")
    axes[0].legend(fontsize=9)
    return figure


def histograms(samples, x_label, bins=40, styles=None):
    """Histograms of several samples over one axis: the first is real, the
    second generated, a third grey, a fourth black.

    Args:
        samples: dict, name to array of numbers.
        x_label: what the numbers are, with their unit.
        bins: number of bins.
        styles: list of (colour, line style), where the samples are something
            else.

    Raises:
        ValueError: if there are more samples than styles.
    """
    figure, axis = new_figure(kind="Histogram", figsize=(6.5, 2.8))
    edges = np.histogram_bin_edges(
        np.concatenate([np.ravel(values) for values in samples.values()]), bins
    )
    styles = styles or [
        (REAL, "-"),
        (GENERATED, "--"),
        ("gray", ":"),
        ("black", "-."),
    ]
    if len(samples) > len(styles):
        raise ValueError(
            f"received {len(samples)} samples; expected {len(styles)} at most, "
            "or a style for each"
        )
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
    axis.legend(fontsize=9)
    return figure


def point_panels(panels, real=None, limit=1.2, columns=4, size=2.4):
    """Generated points in the plane, one panel a set, all panels with the same
    limits.

    Args:
        panels: dict, title to generated points (n, 2), float.
        real: points (m, 2) drawn under those of each panel.
        limit: the panels show [-limit, limit] in both directions.
        columns: panels in a row.
        size: inches of a panel's side.
    """
    figure, axes = _square_panels(panels, columns, size, "Points in the plane")
    for axis, points in zip(axes.flat, panels.values(), strict=False):
        draw_points(axis, points, real, limit)
    if real is not None:
        axes[0, 0].legend(fontsize=9, loc="upper right", markerscale=2)
    return figure


def draw_points(axis, generated, real=None, limit=1.2, outlined=False):
    """Draws real points (blue dots) and generated points (vermilion crosses)
    into an axis of a figure.

    Args:
        axis: axis of a figure.
        generated: points (n, 2).
        real: points (m, 2) drawn under the generated ones.
        limit: the axis shows [-limit, limit] in both directions.
        outlined: whether the points have a white edge, to stand out from
            colours behind them.
    """
    if outlined:
        # a filled cross: the edge of "x" is all that it has
        dot = {"marker": "o", "ms": 4, "mec": "white", "mew": 0.5}
        cross = {"marker": "X", "ms": 5, "mec": "white", "mew": 0.5}
    else:
        dot = {"marker": ".", "ms": 2, "alpha": 0.5}
        cross = {"marker": "x", "ms": 2.5, "mew": 0.7, "alpha": 0.7}
    if real is not None:
        axis.plot(*np.asarray(real).T, ls="", color=REAL, label="real", **dot)
    axis.plot(
        *np.asarray(generated).T,
        ls="",
        color=GENERATED,
        label="generated",
        **cross,
    )
    axis.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")


def curves(
    series,
    x_label,
    y_label,
    log=False,
    styles=None,
    size=(6.5, 3.0),
    axis=None,
    baselines=None,
):
    """Lines over a common axis. Of several runs, the median, and a band from
    the lowest to the highest.

    Args:
        series: dict, name to (x, y): x an array (n,), y an array (n,) or, of
            several runs, (runs, n).
        x_label, y_label: what the axes show, with units.
        log: whether the vertical axis is logarithmic.
        styles: dict, name to (colour, line style), for series that are real or
            generated.
        size: inches, width and height.
        axis: axis to draw into; by default a new figure.
        baselines: dict, name to a value that the curves are to be held against,
            such as that of an untrained network: a dotted level line each, with
            its name on it.

    Returns:
        the figure.
    """
    if axis is None:
        _, axis = new_figure(kind="Line chart", figsize=size)
    for i, (name, (x, y)) in enumerate(series.items()):
        colour, line = (styles or {}).get(name, OTHERS[i % len(OTHERS)])
        y = np.asarray(y)
        if y.ndim == 2:
            axis.fill_between(
                x, y.min(axis=0), y.max(axis=0), color=colour, alpha=0.15, lw=0
            )
            y = np.median(y, axis=0)
        axis.plot(x, y, color=colour, linestyle=line, label=name, lw=1.6)
    lines = axis.get_lines()
    for name, value in (baselines or {}).items():
        axis.axhline(value, color="black", lw=0.8, ls=":", label=name)
        axis.annotate(
            name,
            (1, value),
            xycoords=axis.get_yaxis_transform(),
            xytext=(-3, 1),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=9,
        )
    axis.set(xlabel=x_label, ylabel=y_label)
    if log:
        axis.set_yscale("log")
    axis.legend(handles=list(lines), fontsize=9)
    return axis.figure


def pin_pictures(axis, x, y, pictures):
    """A line with small pictures pinned to some of its points, as in figure 3
    of Arjovsky et al. 2017.

    Args:
        axis: axis to draw into.
        x, y: arrays (n,).
        pictures: dict, index of a point to images (few, height, width, 1) in
            [-1, 1]; they are stacked above the point.
    """
    axis.plot(x, y, "k-o", markersize=3)
    for i, images in pictures.items():
        column = np.concatenate(np.asarray(images)[..., 0])
        axis.add_artist(
            AnnotationBbox(
                OffsetImage(column, zoom=0.85, cmap="gray"),
                (np.asarray(x)[i], np.asarray(y)[i]),
                xybox=(0, 46),
                boxcoords="offset points",
                arrowprops={"arrowstyle": "-"},
                pad=0.1,
            )
        )
    axis.margins(x=0.1)
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.9 * (high - low))  # room for the pictures


def curve_rows(rows, x_label, own_limits=(), size=(2.5, 2.3)):
    """Rows of panels with curves, as `curves` draws them, over a common
    horizontal axis.

    Args:
        rows: dict, label of a row's vertical axes to a dict, title of a panel
            to its series. All rows have the same titles, which stand above the
            first.
        x_label: what the horizontal axes show, with unit.
        own_limits: labels of rows whose panels have vertical limits of their
            own; the others share them.
        size: inches of a panel, width and height.

    Returns:
        the figure.
    """
    columns = len(next(iter(rows.values())))
    width = min(size[0], WIDTH / columns)
    options = {
        "figsize": (columns * width, len(rows) * size[1]),
        "squeeze": False,
        "kind": "Line chart",
    }
    figure, axes = new_figure(len(rows), columns, sharex=True, **options)
    for i, (y_label, panels) in enumerate(rows.items()):
        known = [y_label]  # series that need no legend any more
        for axis, (title, series) in zip(axes[i], panels.items(), strict=True):
            curves(series, x_label if axis in axes[-1] else "", "", axis=axis)
            axis.legend(fontsize=9, handlelength=1.5)
            if list(series) == known:
                axis.get_legend().remove()
            known = list(series)
            if i == 0:
                _set_title(axis, title, width - 0.4)
            if y_label not in own_limits and axis is not axes[i, 0]:
                axis.sharey(axes[i, 0])
        axes[i, 0].set_ylabel(y_label)
    return figure


def offset_panels(offsets, computed, exact, x_label, y_label, continuous=()):
    """Measures of the distance of two sets, one panel each, as functions of the
    offset between the sets.

    Closed forms are lines, with a gap and a dot at offset 0; computed values
    are circles. Infinite values are triangles at the upper edge.

    Args:
        offsets: float array (n,), rising, 0 among them.
        computed, exact: dicts, title to float array (n,), which may have
            infinite values.
        x_label, y_label: what the axes show, with units.
        continuous: titles of those that do not jump at offset 0.

    Returns:
        the figure.
    """
    figure, axes = _row_of_panels(
        exact, (3.2, 3.2), kind="Line chart", sharey=True
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
        axis.set(xlabel=x_label, ylim=(-0.05 * top, 1.05 * top))
    labels = dict(zip(*axes[0].get_legend_handles_labels()[::-1], strict=True))
    axes[0].legend(labels.values(), labels, fontsize=9, loc="center")
    axes[0].set_ylabel(y_label)
    return figure


def strip_panels(panels, x_label, limits=None, size=None, baselines=None):
    """A circle for each run, one line a setting and one panel a task; a bar
    marks the median of a line.

    Equal values of a line stand above each other, so that each run is seen.

    Args:
        panels: dict, name of a setting to the values of its runs, (runs,). Or,
            for several panels, dict, title to such a dict; all panels have the
            same settings.
        x_label: what the horizontal axes show, with unit.
        limits: (low, high) of the horizontal axes; by default what the values
            need, the same in all panels.
        size: inches of a panel, width and height; by default as high as the
            lines need.
        baselines: dict, name to a value that the runs are to be held against,
            such as that of an untrained network: a dotted line each, named
            below the settings.

    Returns:
        the figure.
    """
    if not isinstance(next(iter(panels.values())), dict):
        panels = {"": panels}
    baselines = baselines or {}
    names = list(next(iter(panels.values())))
    rows = len(names) + 0.7 * len(baselines)
    figure, axes = _row_of_panels(
        panels,
        size or (6.5 if len(panels) == 1 else 3.2, 0.9 + 0.3 * rows),
        kind=f"Strip plot of {', '.join(map(str, names))}",
        sharex=True,
        sharey=True,
    )
    for axis, settings in zip(axes, panels.values(), strict=True):
        for place, values in enumerate(settings.values()):
            values = np.asarray(values)
            earlier = [np.sum(values[:i] == v) for i, v in enumerate(values)]
            raised = place - np.array(earlier) * min(
                0.12, 0.4 / max(1, *earlier)
            )
            axis.plot(values, raised, "o", color="black", ms=4, mfc="none")
            axis.plot(
                np.median(values), place, "|", color="black", ms=14, mew=2.5
            )
        for value in baselines.values():
            axis.axvline(value, color="black", lw=0.8, ls=":")
        axis.set(xlabel=x_label, ylim=(rows - 0.4, -0.6))
        axis.set_yticks(range(len(names)), names)
        axis.grid(axis="y", lw=0.4)
    if limits:
        axes[0].set_xlim(limits)
    for axis in axes:  # after the limits are known: names stay within them
        for i, (name, value) in enumerate(baselines.items()):
            left_half = value < np.mean(axis.get_xlim())
            axis.annotate(
                name,
                (value, len(names) + 0.7 * i),
                xytext=(3 if left_half else -3, 0),
                textcoords="offset points",
                ha="left" if left_half else "right",
                va="center",
                fontsize=9,
            )
    if baselines:
        figure.kind += f", beside {', '.join(baselines)}"
    return figure


def heat_maps(
    panels, x_values, y_values, x_label, y_label, value_label, number="{:.1f}"
):
    """Tables as colours, one panel a table, with one scale of colours and the
    numbers written in.

    Args:
        panels: dict, title to float array (len(y_values), len(x_values)).
        x_values, y_values: what the columns and rows stand for.
        x_label, y_label: what these values are, with units.
        value_label: what the numbers are, with unit.
        number: format of a number.
    """
    figure, axes = _row_of_panels(
        panels, (3.1, 3.1), extra=1, kind="Heat map", sharey=True
    )
    low = min(np.min(values) for values in panels.values())
    high = max(np.max(values) for values in panels.values())
    for axis, values in zip(axes, panels.values(), strict=True):
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
        axis.set_xlabel(x_label)
    axes[0].set_ylabel(y_label)
    _colour_bar(figure, picture, value_label, ax=axes)
    return figure


def latent_maps(maps, latent, values, value_label, limit=1.2):
    """Where maps put the latent square: each latent vector has one colour, in
    the square and in every picture of it.

    Args:
        maps: dict, title to the points (n, 2) that a map makes of the latent
            vectors.
        latent: latent vectors (n, 2) in [-1, 1]^2.
        values: float array (n,), the number that a latent vector's colour
            stands for.
        value_label: what the number is, with unit.
        limit: the panels of the maps show [-limit, limit] in both directions.
    """
    panels = {"latent square": latent} | maps
    figure, axes = _row_of_panels(
        panels, (2.9, 3.1), extra=0.8, kind="Points coloured by latent vector"
    )
    for axis, points in zip(axes, panels.values(), strict=True):
        dots = axis.scatter(
            *np.asarray(points).T,
            c=values,
            # few colours: a small file
            cmap=matplotlib.colormaps["viridis"].resampled(16),
            # a lattice of 61 x 61 fills the square
            s=8 if axis is axes[0] else 3,
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
    axes[0].set(
        xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xlabel="$z_0$", ylabel="$z_1$"
    )
    axes[1].set_ylabel("$x_2$")
    _colour_bar(figure, dots, value_label, ax=axes)
    return figure


def probability_panels(panels, points, limit=1.2):
    """A discriminator's probability over the plane, one panel a discriminator:
    blue is "real", vermilion "generated".

    White is undecided; the dashed line is where D(x) = 1/2.

    Args:
        panels: dict, title to float array (n, n) of probabilities over [-limit,
            limit]^2, rows from low to high x_2.
        points: dict, the same titles to a pair of arrays (m, 2): real and
            generated points, drawn on top.
        limit: the panels show [-limit, limit] in both directions.
    """
    figure, axes = _row_of_panels(
        panels, (3.2, 3.3), extra=0.9, kind="Map of D(x)", sharey=True
    )
    for axis, (title, probability) in zip(axes, panels.items(), strict=True):
        real, generated = points[title]
        shades = _draw_probability(axis, probability, limit)
        draw_points(axis, generated, real, limit, outlined=True)
        axis.set_xlabel("$x_1$")
    axes[0].set_ylabel("$x_2$")
    axes[0].legend(fontsize=9, loc="upper right")
    _colour_bar(figure, shades, "D(x): probability of real", ax=axes)
    return figure


def contour_panels(panels, real, limit=2.5, columns=3, levels=10, size=2.9):
    """Scores of critics over the plane as contour lines, one panel a critic:
    light is high, dark is low.

    Each panel has levels of its own, evenly spread over its scores: it shows
    the shape of a critic, not its scale.

    Args:
        panels: dict, title to float array (n, n) of scores over [-limit,
            limit]^2, rows from low to high x_2.
        real: dict, the same titles to real points (m, 2), drawn on top.
        limit: the panels show [-limit, limit] in both directions.
        columns: panels in a row.
        levels: contour lines in a panel.
        size: inches of a panel's side.
    """
    kind = "Contour lines of a critic's scores"
    figure, axes = _square_panels(panels, columns, size, kind)
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
    for axis in axes[-1]:
        axis.set_xlabel("$x_1$")
    for axis in axes[:, 0]:
        axis.set_ylabel("$x_2$")
    axes[0, 0].legend(fontsize=9, loc="upper right", markerscale=2)
    return figure


def pair_panels(panels, real, weights):
    """Pairs of a real and a generated point, each joined by a line with one
    interpolated point on it.

    Args:
        panels: dict, title to generated points (n, 2), the partners of the real
            points in their order. The mean length of the lines is added to the
            title.
        real: points (n, 2).
        weights: array (n,): 0 puts the interpolated point on the real one, 1 on
            the generated one.
    """
    figure, axes = _row_of_panels(
        panels,
        (4.2, 4.3),
        kind="Points in the plane, joined in pairs",
        sharex=True,
        sharey=True,
    )
    for axis, (title, generated) in zip(axes, panels.items(), strict=True):
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
        axis.set(aspect="equal", xlabel="$x_1$")
        axis.set_title(f"{title}: mean length {length:.2f}", fontsize=9)
    axes[0].set_ylabel("$x_2$")
    axes[-1].legend(fontsize=9)
    return figure


def ball_panels(real, generated, k=5, limit=1.2):
    """Precision and recall in the plane: the balls of one sample, and which
    points of the other lie in none of them.

    Each ball reaches from a point to its k-th nearest neighbour in its own
    sample. The titles give the share of points in a ball; those in none are
    black.

    Args:
        real, generated: points (n, 2) and (m, 2), more than k of each.
        k: which neighbour bounds a ball.
        limit: the panels show [-limit, limit] in both directions.
    """
    real, generated = (real, REAL, "."), (generated, GENERATED, "x")
    panels = {"precision: balls of real points": (real, generated)}
    panels["recall: balls of generated points"] = (generated, real)
    kind = "Points in the plane and balls around them"
    figure, axes = _square_panels(panels, 2, 3.6, kind)
    for axis, (title, pair) in zip(axes.flat, panels.items(), strict=True):
        (centres, inner, dot), (others, outer, marker) = pair
        within = np.linalg.norm(centres[:, None] - centres[None], axis=-1)
        radii = np.sort(within, axis=1)[:, k]  # column 0 is the point itself
        for centre, radius in zip(centres, radii, strict=True):
            axis.add_patch(
                Circle(
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
        axis.legend(fontsize=9, loc="upper right")
    axes.flat[0].set_ylabel("$x_2$")
    return figure


def weight_panels(panels, bins=41):
    """Histograms of the weights of networks, one panel a network, each with a
    horizontal axis of its own.

    Args:
        panels: dict, title to array of weights.
        bins: number of bins.
    """
    figure, axes = _row_of_panels(
        panels, (3.0, 2.6), kind="Histogram", sharey=True
    )
    for axis, values in zip(axes, panels.values(), strict=True):
        share = np.full(np.size(values), 1 / np.size(values))
        axis.hist(
            np.ravel(values),
            bins,
            weights=share,
            color="lightgray",
            edgecolor="black",
            lw=0.5,
        )
        axis.set_xlabel("weight")
    axes[0].set_ylabel("share of the weights")
    return figure


def _draw_probability(axis, probability, limit):
    line = np.linspace(-limit, limit, len(probability))
    shades = axis.contourf(
        line,
        line,
        probability,
        np.linspace(0, 1, 11),
        cmap=PROBABILITY,
        # paler than the points on it, which have the colours of the ends
        vmin=-0.15,
        vmax=1.15,
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


def _colour_bar(figure, shades, label, **place):
    bar = figure.colorbar(shades, **place)
    bar.set_label(label, fontsize=9)
    bar.ax.tick_params(labelsize=9)


def game_panels(
    history,
    generated,
    real,
    latent_map,
    plane_map,
    steps,
    limit=1.5,
    forces=None,
    x_label="step",
):
    """A game in the plane at one moment: its past, its samples, and the
    discriminator over both spaces.

    Made to be drawn again and again: always the same places and limits, and
    fast. The map of D(x) has the samples on it; in both maps blue is "real",
    vermilion "generated", and D = 1/2 on the dashed line.

    Args:
        history: dict of equally long lists up to now: "step",
            "discriminator_loss", "generator_loss", "accuracy_on_real",
            "accuracy_on_generated" (shares in [0, 1]).
        generated: generated points (n, 2).
        real: real points (m, 2).
        latent_map: float array (k, k), D(G(z)) over the latent square [-1,
            1]^2, rows from low to high z_1.
        plane_map: float array (k, k), D(x) over [-limit, limit]^2, rows from
            low to high x_2.
        steps: the last step of the horizontal axes.
        limit: the panels of the plane show [-limit, limit] in both directions.
        forces: pair of arrays (m, 2): points, and the direction in which the
            generator's loss pushes each, minus its gradient by the point. The
            longest arrow has the same length in every picture.
        x_label: what the horizontal axes count.
    """
    with matplotlib.rc_context(FONTS):
        figure = DescribedFigure(figsize=(7.4, 6.8), facecolor="white")
        # places by hand: a layout engine would take longer than the drawing
        losses = figure.add_axes((0.09, 0.77, 0.35, 0.16))
        accuracies = figure.add_axes((0.09, 0.57, 0.35, 0.16))
        samples = figure.add_axes((0.54, 0.55, 0.35, 0.38))
        latent = figure.add_axes((0.09, 0.07, 0.35, 0.38))
        plane = figure.add_axes((0.54, 0.07, 0.35, 0.38))
        bar = figure.add_axes((0.905, 0.07, 0.016, 0.38), label="<colorbar>")
    figure.kind = "A game in the plane"
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
            lw=1.3,
        )
        axis.set_xlim(0, steps)
        axis.legend(
            fontsize=9, loc="upper right", ncols=2, borderaxespad=0.1, frameon=0
        )
    losses.axhline(np.log(2), color="gray", lw=0.8, ls=":")
    losses.set(ylim=(0, 2.2), yticks=[0, 1, 2], ylabel="loss (nats)")
    losses.tick_params(labelbottom=False)
    accuracies.set(
        ylim=(-0.05, 1.45),
        yticks=[0, 0.5, 1],
        ylabel="accuracy",
        xlabel=x_label,
    )
    draw_points(samples, generated, real, limit)
    samples.set_ylabel("$x_2$")
    samples.set_title("samples", fontsize=9)
    samples.legend(fontsize=9, loc="upper right", markerscale=2)
    _draw_probability(latent, latent_map, 1)
    latent.set(aspect="equal", xlabel="$z_0$", ylabel="$z_1$")
    latent.set_title("D(G(z)) over the latent square", fontsize=9)
    shades = _draw_probability(plane, plane_map, limit)
    draw_points(plane, generated[:200], real[:200], limit, outlined=True)
    plane.set(xlabel="$x_1$", ylabel="$x_2$")
    plane.set_title("D(x) over the plane, and samples", fontsize=9)
    if forces:
        _draw_forces(plane, *forces, longest=0.3 * limit)
    for axis in (samples, latent, plane):
        axis.locator_params(nbins=6)
    _colour_bar(figure, shades, "D(x): probability of real", cax=bar)
    return figure


def _draw_forces(axis, points, vectors, longest):
    length = np.linalg.norm(vectors, axis=1).max()
    axis.quiver(
        *np.transpose(points),
        *np.transpose(vectors),
        angles="xy",
        scale_units="xy",
        scale=max(length, 1e-12) / longest,
        width=0.006,
        zorder=3,
        label="force on generated",
    )
