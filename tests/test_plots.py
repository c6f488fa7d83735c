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
    figure = plots.image_grid(images, columns=3, title="five", row_labels=["a", "b"])
    board = np.asarray(figure.axes[0].images[0].get_array())
    assert board.shape == (4 + 1 + 4, 6 + 1 + 6 + 1 + 6)
    np.testing.assert_allclose(board[5:9, 7:13], (images[4, :, :, 0] + 1) / 2, atol=1e-6)
    np.testing.assert_allclose(board[4], 1)
    assert figure.axes[0].images[0].get_clim() == (0, 1)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b"]
    assert plots.image_grid(np.zeros((2, 4, 4, 3))).axes[0].images[0].get_array().shape == (4, 9, 3)
    with pytest.raises(ValueError, match="channels"):
        plots.image_grid(np.zeros((4, 28, 28)))


def test_loss_curves_share_their_limits_and_mark_ln_2():
    runs = {
        name: {"discriminator_loss": [0.7, s], "generator_loss": [0.6, 2 * s]}
        for name, s in [("a", 1), ("b", 9)]
    }
    axes = plots.loss_curves(runs).axes
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert [axis.get_ylim()[1] for axis in plots.loss_curves(runs, y_limit=5).axes] == [5, 5]
    for axis, (title, history) in zip(axes, runs.items(), strict=True):
        assert axis.get_title() == title
        drawn = {line.get_label(): line for line in axis.lines}
        np.testing.assert_allclose(drawn["generator loss"].get_ydata(), history["generator_loss"])
        np.testing.assert_allclose(drawn["ln 2"].get_ydata(), 0.6931, atol=1e-4)
        assert drawn["discriminator loss"].get_color() == plots.REAL
        assert drawn["generator loss"].get_color() == plots.GENERATED
        assert (
            drawn["generator loss"].get_linestyle() != drawn["discriminator loss"].get_linestyle()
        )


def test_histograms_are_shares_over_common_bins():
    samples = {"real": np.zeros(10), "generated": np.concatenate([np.zeros(5), np.full(15, 4.0)])}
    axis = plots.histograms(samples, "distance", bins=4).axes[0]
    outlines = [patch for patch in axis.patches if patch.get_label() in samples]
    assert [matplotlib.colors.to_hex(p.get_edgecolor()).upper() for p in outlines] == [
        plots.REAL,
        plots.GENERATED,
    ]
    assert [p.get_xy()[:, 1].max() for p in outlines] == pytest.approx([1.0, 0.75])
