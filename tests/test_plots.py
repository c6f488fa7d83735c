"""Figures: what they draw is where and what they say."""

from gan_lib import plots

import base64
import inspect
import io

import matplotlib.colors
import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.offsetbox import AnnotationBbox
from matplotlib.quiver import Quiver
from matplotlib.text import Text
from PIL import Image


def examples():
    """A figure of each function, as wide as the chapters need it, by the function's name."""
    rng = np.random.default_rng(0)
    x, runs = np.arange(9), rng.normal(size=(5, 9))
    points = rng.uniform(-1, 1, (60, 2))
    rising = np.tile(np.linspace(0, 1, 21), (21, 1))
    four = ["GAN, balanced", "GAN, discriminator ahead", "WGAN", "untrained"]
    losses = {"discriminator_loss": runs[0], "generator_loss": runs[1]}
    accuracies = {"accuracy_on_real": x / 9, "accuracy_on_generated": x / 9}
    history = {"step": x, **losses, **accuracies}
    lines = {"distance": (x, runs)}
    offsets = np.linspace(-1, 1, 5)
    exact = dict.fromkeys(four, abs(offsets))
    return {
        "image_grid": plots.image_grid(
            np.zeros((32, 28, 28, 1)), 16, "digits", ["real", "generated"]
        ),
        "loss_curves": plots.loss_curves(dict.fromkeys(four, losses)),
        "histograms": plots.histograms({"real": x, "generated": x}, "x"),
        "point_panels": plots.point_panels(
            dict.fromkeys(four, points), points, limit=2.5
        ),
        "curves": plots.curves(
            lines, "step", "distance", baselines={"untrained": 3.0}
        ),
        "curve_rows": plots.curve_rows(
            {"distance": dict.fromkeys(four, lines)}, "step"
        ),
        "offset_panels": plots.offset_panels(offsets, exact, exact, "t", "d"),
        "strip_panels": plots.strip_panels(
            dict.fromkeys(four, x), "score", baselines={"noise": 2.0}
        ),
        "heat_maps": plots.heat_maps(
            dict.fromkeys(four, runs), x, range(5), "x", "y", "modes"
        ),
        "latent_maps": plots.latent_maps(
            dict.fromkeys(four, points), points, points[:, 0], "$z_0$"
        ),
        "probability_panels": plots.probability_panels(
            dict.fromkeys(four, rising), dict.fromkeys(four, (points, points))
        ),
        "contour_panels": plots.contour_panels(
            dict.fromkeys(four, rising), dict.fromkeys(four, points)
        ),
        "pair_panels": plots.pair_panels(
            dict.fromkeys(four, points), points, np.full(60, 0.5)
        ),
        "ball_panels": plots.ball_panels(points[:30], points[30:]),
        "weight_panels": plots.weight_panels(dict.fromkeys(four, runs)),
        "game_panels": plots.game_panels(
            history, points, points, rising, rising, 9, forces=(points, points)
        ),
    }


def test_every_figure_is_readable_and_white_and_described():
    figures = examples()
    functions = inspect.getmembers(plots, inspect.isfunction)
    makers = {name for name, f in functions if f.__module__ == plots.__name__}
    others = {"describe", "draw_points", "new_figure", "pin_pictures"}
    assert {name for name in makers if name[0] != "_"} - others == set(figures)
    assert not plt.get_fignums()  # pyplot would show them once more
    for name, figure in figures.items():
        assert figure.get_size_inches()[0] <= 9, name
        sizes = {
            text.get_fontsize()
            for text in figure.findobj(Text)
            if text.get_text().strip()
        }
        assert min(sizes) >= 9, (name, sizes)
        data, metadata = DisplayFormatter().format(figure)
        assert set(data) == {"image/png", "text/plain"}
        png = base64.b64decode(data["image/png"])
        image = Image.open(io.BytesIO(png))
        assert image.format == "PNG" and len(png) <= 100_000, name
        assert image.convert("RGBA").getchannel("A").getextrema() == (255, 255)
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255), name
        assert data["text/plain"] == metadata["image/png"]["alt"]
        words = data["text/plain"]
        assert words.startswith(figure.kind) and words.endswith("."), words
        assert "\n" not in words and "$" not in words


def test_a_figure_stays_white_where_the_page_is_dark():
    with plt.rc_context({"figure.facecolor": "none", "savefig.transparent": 1}):
        data, _ = plots.curves(
            {"a": ([0, 1], [0, 1])}, "x", "y"
        )._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)


def test_describe_says_what_a_panel_shows_and_repeats_nothing():
    x = np.arange(3)
    rows = {"loss": {"fast": {"G": (x, x)}, "calm": {"G": (x, x)}}}
    figure = plots.curve_rows(rows, "step")
    words = "Line chart, 2 panels. fast: loss against step: G. calm."
    assert plots.describe(figure) == words
    figure.axes[1].set_title("calm,\n$x_1$")
    assert plots.describe(figure).endswith("G. calm, x_1.")
    figure.axes[1].set_visible(False)
    assert plots.describe(figure) == "Line chart. fast: loss against step: G."
    figure.alt = "Two games."
    assert figure._repr_mimebundle_()[0]["text/plain"] == "Two games."
    images = plots.image_grid(np.zeros((4, 2, 2, 1)), 2, "a", ["b", "c"])
    words = "4 images of 2 x 2 pixels in rows of 2; rows: b, c. a."
    assert plots.describe(images) == words
    figure, axis = plt.subplots()
    axis.set(xlabel="x", ylabel="y")
    assert plots.describe(figure) == "Figure. y against x."
    plt.close(figure)


def test_new_figure_is_no_wider_than_a_notebook():
    figure, axes = plots.new_figure(2, 3, "Scatter", (20, 4), sharex=True)
    assert axes.shape == (2, 3) and tuple(figure.get_size_inches()) == (9, 4)
    assert plots.describe(figure) == "Scatter, 6 panels."


def test_probabilities_go_from_vermilion_over_white_to_blue():
    ends = [plots.PROBABILITY(value) for value in (0.0, 0.5, 1.0)]
    found = [matplotlib.colors.to_hex(end).upper() for end in ends]
    assert found[::2] == [plots.GENERATED, plots.REAL]
    np.testing.assert_allclose(ends[1][:3], 1, atol=0.01)
    half, points = np.full((21, 21), 0.5), np.zeros((1, 2))
    half[:, :7], half[:, 14:] = 0.02, 0.98  # generated, undecided, real
    figure = plots.probability_panels({"": half}, {"": (points, points)})
    axis, bar = figure.axes
    assert bar.get_ylabel() == "D(x): probability of real"
    colours = axis.collections[0].get_facecolors()  # a band of D each
    low, high = colours[0], colours[-1]
    assert low[0] > low[1] > low[2] and high[0] < high[1] < high[2]
    # the points stand out from the colour of their own side
    assert {line.get_markeredgecolor() for line in axis.lines} == {"white"}


def test_image_grid_places_every_pixel():
    images = np.random.default_rng(0).uniform(-1, 1, (5, 4, 6, 1))
    figure = plots.image_grid(
        images, columns=3, title="five", row_labels=["a", "b"]
    )
    board = np.asarray(figure.axes[0].images[0].get_array())
    assert board.shape == (4 + 1 + 4, 6 + 1 + 6 + 1 + 6)
    np.testing.assert_allclose(
        board[5:9, 7:13], (images[4, :, :, 0] + 1) / 2, atol=1e-6
    )
    np.testing.assert_allclose(board[4], 1)
    assert figure.axes[0].images[0].get_clim() == (0, 1)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        "a",
        "b",
    ]
    assert plots.image_grid(np.zeros((2, 4, 4, 3))).axes[0].images[
        0
    ].get_array().shape == (4, 9, 3)
    with pytest.raises(ValueError, match="channels"):
        plots.image_grid(np.zeros((4, 28, 28)))
    with pytest.raises(ValueError, match="1 image or more"):
        plots.image_grid(np.zeros((0, 28, 28, 1)))


def test_loss_curves_draw_held_out_losses_and_refuse_others():
    history = {
        "discriminator_loss": [0.7, 0.6],
        "val_discriminator_loss": [0.7, 0.8],
    }
    axis = plots.loss_curves({"a": history}).axes[0]
    drawn = {line.get_label(): line for line in axis.lines}
    np.testing.assert_allclose(
        drawn["val discriminator loss"].get_ydata(), [0.7, 0.8]
    )
    with pytest.raises(ValueError, match="received losses critic_loss"):
        plots.loss_curves({"a": {"critic_loss": [1.0]}})


def test_histograms_need_a_style_for_each_sample():
    samples = {name: np.zeros(3) for name in "abcde"}
    with pytest.raises(ValueError, match="received 5 samples; expected 4"):
        plots.histograms(samples, "distance")


def test_loss_curves_share_their_limits_and_mark_ln_2():
    runs = {
        name: {"discriminator_loss": [0.7, s], "generator_loss": [0.6, 2 * s]}
        for name, s in [("a", 1), ("b", 9)]
    }
    axes = plots.loss_curves(runs).axes
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert [
        axis.get_ylim() for axis in plots.loss_curves(runs, y_limit=5).axes
    ] == 2 * [(0, 5)]
    for axis, (title, history) in zip(axes, runs.items(), strict=True):
        assert axis.get_title() == title
        drawn = {line.get_label(): line for line in axis.lines}
        np.testing.assert_allclose(
            drawn["generator loss"].get_ydata(), history["generator_loss"]
        )
        np.testing.assert_allclose(drawn["ln 2"].get_ydata(), 0.6931, atol=1e-4)
        assert drawn["discriminator loss"].get_color() == plots.REAL
        assert drawn["generator loss"].get_color() == plots.GENERATED
        assert (
            drawn["generator loss"].get_linestyle()
            != drawn["discriminator loss"].get_linestyle()
        )


def test_histograms_are_shares_over_common_bins():
    samples = {
        "real": np.zeros(10),
        "generated": np.concatenate([np.zeros(5), np.full(15, 4.0)]),
    }
    axis = plots.histograms(samples, "distance", bins=4).axes[0]
    outlines = [patch for patch in axis.patches if patch.get_label() in samples]
    assert [
        matplotlib.colors.to_hex(p.get_edgecolor()).upper() for p in outlines
    ] == [
        plots.REAL,
        plots.GENERATED,
    ]
    assert [p.get_xy()[:, 1].max() for p in outlines] == pytest.approx(
        [1.0, 0.75]
    )
    others = (
        plots.histograms(samples, "x", styles=[("black", "-"), ("gray", ":")])
        .axes[0]
        .patches
    )
    edges = [p.get_edgecolor() for p in others if p.get_label() in samples]
    assert [matplotlib.colors.to_hex(edge) for edge in edges] == [
        "#000000",
        "#808080",
    ]


def test_point_panels_draw_real_under_generated_with_equal_limits():
    real, generated = np.zeros((3, 2)), np.array([[0.5, -0.5], [1.0, 0.25]])
    figure = plots.point_panels(
        {"a": generated, "b": generated * 2}, real, limit=3, columns=2
    )
    assert [axis.get_title() for axis in figure.axes] == ["a", "b"]
    for axis, expected in zip(
        figure.axes, (generated, generated * 2), strict=True
    ):
        below, above = axis.lines
        assert (below.get_color(), above.get_color()) == (
            plots.REAL,
            plots.GENERATED,
        )
        assert below.get_marker() != above.get_marker()
        np.testing.assert_array_equal(np.transpose(above.get_data()), expected)
        assert axis.get_xlim() == axis.get_ylim() == (-3, 3)
    assert (
        sum(
            axis.get_visible()
            for axis in plots.point_panels(dict.fromkeys("abc", real)).axes
        )
        == 3
    )


def test_curves_of_several_runs_are_median_and_range():
    x, runs = np.arange(3), np.array([[1, 2, 3], [2, 2, 9], [9, 5, 4]])
    figure = plots.curves(
        {"one": (x, [5, 6, 7]), "three": (x, runs)}, "step", "loss", log=True
    )
    axis = figure.axes[0]
    one, three = axis.lines
    np.testing.assert_array_equal(one.get_ydata(), [5, 6, 7])
    np.testing.assert_array_equal(three.get_ydata(), [2, 2, 4])
    (band,) = axis.collections
    corners = {tuple(v) for v in band.get_paths()[0].vertices}
    assert {(0, 1), (0, 9), (2, 3), (2, 9)} <= corners
    assert (
        one.get_linestyle() != three.get_linestyle()
        and axis.get_yscale() == "log"
    )
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("step", "loss")
    assert plots.curves({"more": (x, x)}, "step", "loss", axis=axis) is figure


def test_pictures_are_pinned_to_points_of_the_line():
    figure, axis = plots.new_figure(kind="Line chart")
    images = np.linspace(-1, 1, 2 * 3 * 4, dtype="float32")
    images = images.reshape(2, 3, 4, 1)
    plots.pin_pictures(axis, [0, 10, 20], [5, 1, 3], {1: images})
    (box,) = [a for a in axis.artists if isinstance(a, AnnotationBbox)]
    assert box.xy == (10, 1)
    shown = box.offsetbox.get_data()
    np.testing.assert_array_equal(shown, images.reshape(6, 4))
    figure.canvas.draw()
    low, high = axis.get_ylim()
    assert high - low > 1.8 * (5 - 1)  # room above the line


def test_curve_rows_share_limits_unless_told():
    x = np.arange(3)
    rows = {
        "distance": {
            name: {"d": (x, high * x)}
            for name, high in [("a", 1.0), ("b", 5.0)]
        },
        "loss": {
            name: {"l": (x, [x, high * x])}
            for name, high in [("a", 3.0), ("b", 50.0)]
        },
    }
    axes = plots.curve_rows(rows, "step", own_limits=["loss"]).axes
    assert [axis.get_title() for axis in axes] == ["a", "b", "", ""]
    assert (
        axes[0].get_ylim() == axes[1].get_ylim() and axes[1].get_ylim()[1] > 9
    )
    assert axes[2].get_ylim()[1] < 10 < axes[3].get_ylim()[1]
    assert [axis.get_xlabel() for axis in axes] == ["", "", "step", "step"]
    assert [axes[0].get_ylabel(), axes[2].get_ylabel()] == ["distance", "loss"]
    np.testing.assert_allclose(
        axes[2].lines[0].get_ydata(), [0, 2, 4]
    )  # median of x and 3 x


def test_offset_panels_draw_closed_forms_with_a_gap_and_infinity_at_the_edge():
    offsets = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    exact = {"far": np.where(offsets, np.inf, 0.0), "near": abs(offsets)}
    computed = {"far": exact["far"], "near": abs(offsets) + 0.01}
    far, near = plots.offset_panels(
        offsets, computed, exact, "t", "length"
    ).axes
    edge = next(line for line in far.lines if line.get_label() == "infinite")
    assert list(edge.get_xdata()) == [-1, -0.5, 0.5, 1]
    assert max(abs(offsets)) < edge.get_ydata()[0] < far.get_ylim()[1]
    left, right, dot, circles, _ = near.lines
    assert list(left.get_xdata()) == [-1, -0.5] and list(right.get_ydata()) == [
        0.5,
        1,
    ]
    assert (dot.get_xdata(), dot.get_ydata()) == (0, 0)
    np.testing.assert_allclose(circles.get_ydata(), abs(offsets) + 0.01)
    assert far.get_ylim() == near.get_ylim() and far.get_ylabel() == "length"
    near = plots.offset_panels(
        offsets, computed, exact, "t", "length", ["near"]
    ).axes[1]
    np.testing.assert_array_equal(
        near.lines[0].get_xydata().T, [offsets, abs(offsets)]
    )


def test_strip_panels_draw_every_run_and_the_median():
    settings = {
        "first": np.array([0.1, 0.5, 0.2]),
        "second": np.array([0.9, 0.7]),
    }
    axes = plots.strip_panels(
        {"a": settings, "b": settings}, "score", (0, 1)
    ).axes
    assert [axis.get_title() for axis in axes] == ["a", "b"]
    for axis in axes:
        np.testing.assert_array_equal(
            axis.lines[0].get_xydata(), [[0.1, 0], [0.5, 0], [0.2, 0]]
        )
        np.testing.assert_array_equal(axis.lines[1].get_xydata(), [[0.2, 0]])
        np.testing.assert_array_equal(axis.lines[3].get_xydata(), [[0.8, 1]])
        assert axis.get_xlim() == (0, 1)
        assert (
            axis.transData.transform((0, 0))[1]
            > axis.transData.transform((0, 1))[1]
        )
    assert [label.get_text() for label in axes[0].get_yticklabels()] == [
        "first",
        "second",
    ]


def test_heat_maps_share_one_scale_and_write_their_numbers():
    panels = {"a": np.array([[1.0, 2.0]]), "b": np.array([[3.0, 9.0]])}
    figure = plots.heat_maps(
        panels, [10, 20], ["row"], "x", "y", "value", "{:.0f}"
    )
    assert [axis.images[0].get_clim() for axis in figure.axes[:2]] == [
        (1, 9),
        (1, 9),
    ]
    assert [text.get_text() for text in figure.axes[1].texts] == ["3", "9"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == [
        "10",
        "20",
    ]


def test_latent_maps_keep_the_colours_of_latent_vectors():
    latent = np.array([[-1.0, 0.0], [1.0, 0.5], [0.0, 0.0]])
    values = np.array([3.0, 1.0, 2.0])
    figure = plots.latent_maps(
        {"twice": 2 * latent}, latent, values, "value", limit=2.5
    )
    square, mapped = figure.axes[:2]
    assert [axis.get_title() for axis in (square, mapped)] == [
        "latent square",
        "twice",
    ]
    assert mapped.get_xlim() == mapped.get_ylim() == (-2.5, 2.5)
    for axis, expected in [(square, latent), (mapped, 2 * latent)]:
        (dots,) = axis.collections
        np.testing.assert_array_equal(dots.get_offsets(), expected)
        np.testing.assert_array_equal(dots.get_array(), values)
        assert dots.get_clim() == (1, 3)
    assert figure.axes[2].get_ylabel() == "value"


def level_crossing(axis):
    """x of the dashed contour D = 1/2."""
    (dashed,) = [c for c in axis.collections if len(c.get_paths()) == 1]
    return dashed.get_paths()[0].vertices[:, 0]


def test_curves_hold_against_baselines():
    figure = plots.curves(
        {"trained": ([0, 9], [5, 1])}, "x", "y", baselines={"noise": 7.0}
    )
    (axis,) = figure.axes
    trained, noise = axis.lines
    assert set(noise.get_ydata()) == {7.0} and noise.get_linestyle() == ":"
    assert noise.get_linewidth() < trained.get_linewidth()
    assert [text.get_text() for text in axis.texts] == ["noise"]
    assert axis.texts[0].xy[1] == 7.0 < axis.get_ylim()[1]
    legend = [text.get_text() for text in axis.get_legend().get_texts()]
    assert legend == ["trained"]
    assert "noise" in plots.describe(figure)


def test_strip_panels_of_one_dict_show_each_run_and_baselines():
    values = {"a": [2, 2, 2, 5], "b": [1, 3]}
    figure = plots.strip_panels(values, "modes", baselines={"noise": 8.0})
    (axis,) = figure.axes
    circles, median = axis.lines[:2]
    np.testing.assert_array_equal(circles.get_xdata(), values["a"])
    assert len(set(circles.get_ydata())) == 3  # three equal runs are seen
    assert np.all(abs(circles.get_ydata()) < 0.5)  # in the line of "a"
    assert (median.get_xdata(), median.get_ydata()) == (2, 0)
    baseline = axis.lines[-1]
    assert set(baseline.get_xdata()) == {8.0}
    assert baseline.get_linestyle() == ":"
    (label,) = axis.texts
    assert label.get_text() == "noise" and label.xy == (8.0, 2)
    assert axis.get_xlim()[1] > 8 and axis.get_ylim()[0] > 2
    words = "Strip plot of a, b, beside noise. modes."
    assert plots.describe(figure) == words
    many = plots.strip_panels({name: [1, 2] for name in "abcdefgh"}, "x")
    heights = [f.get_size_inches()[1] for f in (figure, many)]
    assert heights[0] < heights[1]


def test_probability_panels_place_the_half_between_low_and_high():
    line = np.linspace(-2, 2, 41)
    rising = np.tile((line + 2) / 4, (41, 1))  # 1/2 at x_1 = 0, on all rows
    points = {"a": (np.ones((3, 2)), np.zeros((2, 2)))}
    figure = plots.probability_panels({"a": rising}, points, limit=2)
    axis = figure.axes[0]
    np.testing.assert_allclose(level_crossing(axis), 0, atol=1e-9)
    assert [len(drawn.get_xdata()) for drawn in axis.lines] == [3, 2]
    assert [drawn.get_color() for drawn in axis.lines] == [
        plots.REAL,
        plots.GENERATED,
    ]
    assert axis.get_xlim() == (-2, 2)


def test_contour_panels_draw_the_level_lines_of_each_critic():
    line = np.linspace(-2, 2, 41)
    rising = np.tile(
        line, (41, 1)
    )  # scores x_1: from -2 to 2 in both panels' own units
    real = {"a": np.ones((3, 2)), "b": np.zeros((4, 2))}
    figure = plots.contour_panels(
        {"a": rising, "b": 100 * rising.T}, real, limit=2, levels=3
    )
    for axis, coordinate, n in zip(figure.axes, (0, 1), (3, 4), strict=True):
        lines = axis.collections[-1].get_paths()
        crossings = [path.vertices[:, coordinate] for path in lines]
        np.testing.assert_allclose(
            [x.mean() for x in crossings], [-1, 0, 1], atol=1e-9
        )
        assert max(np.ptp(x) for x in crossings) < 1e-9
        assert (
            len(axis.lines[0].get_xdata()) == n
            and axis.lines[0].get_color() == plots.REAL
        )
        assert axis.get_xlim() == axis.get_ylim() == (-2, 2)


def test_pair_panels_put_interpolated_points_on_the_lines():
    real, generated = np.zeros((2, 2)), np.array([[4.0, 0.0], [0.0, 2.0]])
    axis = plots.pair_panels({"pairs": generated}, real, [0.25, 0.5]).axes[0]
    drawn = {line.get_label(): line for line in axis.lines}
    np.testing.assert_allclose(
        drawn["interpolated"].get_xydata(), [[1, 0], [0, 1]]
    )
    assert drawn["real"].get_color() == plots.REAL
    assert drawn["generated"].get_color() == plots.GENERATED
    ends = [
        line.get_xydata() for line in axis.lines if line.get_color() == "gray"
    ]
    np.testing.assert_allclose(ends, [[[0, 0], [4, 0]], [[0, 0], [0, 2]]])
    assert axis.get_title() == "pairs: mean length 3.00"


def test_ball_panels_tell_what_lies_in_a_ball():
    real = np.array(
        [[0.0, 0.0], [0.5, 0.0], [0.0, 1.0]]
    )  # to the nearest neighbour: .5, .5, 1
    generated = np.array([[0.0, 0.4], [-0.6, -0.6], [1.05, 0.0], [0.0, 1.0]])
    first, second = plots.ball_panels(real, generated, k=1).axes
    assert [patch.radius for patch in first.patches] == [0.5, 0.5, 1.0]
    drawn = {line.get_label(): line for line in first.lines}
    np.testing.assert_array_equal(
        drawn["in a ball"].get_xydata(), generated[[0, 3]]
    )
    np.testing.assert_array_equal(
        drawn["in none"].get_xydata(), generated[[1, 2]]
    )
    assert first.get_title().endswith(": 0.50") and second.get_title().endswith(
        ": 1.00"
    )
    assert (
        first.lines[0].get_color() == second.lines[1].get_color() == plots.REAL
    )
    assert (
        second.lines[0].get_color()
        == first.lines[1].get_color()
        == plots.GENERATED
    )


def test_weight_panels_are_shares():
    axes = plots.weight_panels(
        {"a": [-1, 1, 1, 1], "b": np.zeros((2, 2))}, bins=2
    ).axes
    assert [bar.get_height() for bar in axes[0].patches] == [0.25, 0.75]
    assert sum(bar.get_height() for bar in axes[1].patches) == 1
    assert [axis.get_title() for axis in axes] == ["a", "b"]


def test_game_panels_show_past_samples_and_both_maps():
    history = {
        "step": [0, 10],
        "discriminator_loss": [0.7, 0.6],
        "generator_loss": [0.8, 0.9],
        "accuracy_on_real": [0.5, 1.0],
        "accuracy_on_generated": [0.5, 0.0],
    }
    rising = np.tile(np.linspace(0, 1, 21), (21, 1))
    samples, real = np.full((4, 2), 0.25), np.zeros((3, 2))
    figure = plots.game_panels(
        history, samples, real, rising, rising.T, steps=600, limit=1.5
    )
    losses, accuracies, points, latent, plane, bar = figure.axes
    assert losses.get_xlim() == accuracies.get_xlim() == (0, 600)
    names = [
        "discriminator_loss",
        "generator_loss",
        "accuracy_on_real",
        "accuracy_on_generated",
    ]
    drawn = [*losses.lines[:2], *accuracies.lines]
    for name, line, colour in zip(
        names, drawn, 2 * [plots.REAL, plots.GENERATED], strict=True
    ):
        np.testing.assert_array_equal(
            line.get_data(), [history["step"], history[name]]
        )
        assert line.get_color() == colour
    np.testing.assert_array_equal(points.lines[1].get_data(), samples.T)
    np.testing.assert_allclose(level_crossing(latent), 0, atol=1e-9)
    assert np.ptp(level_crossing(plane)) == pytest.approx(
        3
    )  # the transposed map: a level line
    assert latent.get_xlim() == (-1, 1) and plane.get_xlim() == (-1.5, 1.5)
    np.testing.assert_array_equal(plane.lines[0].get_data(), real.T)
    np.testing.assert_array_equal(plane.lines[1].get_data(), samples.T)
    assert bar.get_ylabel() == "D(x): probability of real"
    assert accuracies.get_xlabel() == "step"


def test_game_panels_draw_forces_and_name_what_is_counted():
    names = ["discriminator_loss", "generator_loss"]
    names += ["accuracy_on_real", "accuracy_on_generated"]
    history = {name: [0.5] for name in ["step", *names]}
    flat, points = np.full((5, 5), 0.4), np.array([[0.0, 0.0], [0.5, 0.0]])
    vectors = np.array([[3.0, 0.0], [0.0, 6.0]])
    arguments = (history, points, points, flat, flat, 80, 2.0)
    figure = plots.game_panels(
        *arguments, forces=(points, vectors), x_label="round"
    )
    assert figure.axes[1].get_xlabel() == "round"
    drawn = figure.axes[4].collections
    (arrows,) = (each for each in drawn if isinstance(each, Quiver))
    np.testing.assert_array_equal(arrows.get_offsets(), points)
    # in units of the plane: 3/10 of the limit is the longest
    np.testing.assert_allclose(arrows.U / arrows.scale, [0.3, 0])
    np.testing.assert_allclose(arrows.V / arrows.scale, [0, 0.6])
    still = plots.game_panels(*arguments, forces=(points, 0 * vectors))
    still.canvas.draw()  # no force at all is no error
