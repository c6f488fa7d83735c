"""Figures: what they draw is where and what they say."""

from gan_lib import plots

import matplotlib.colors
import matplotlib.pyplot as plt
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


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
    losses, accuracies, points, latent, plane = figure.axes
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
