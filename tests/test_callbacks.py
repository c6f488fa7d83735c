"""The live figure: its lines, its frames and its animation."""

from gan_lib import callbacks

import base64
import io

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image


def draw(model):
    """A figure that shows the model's only weight as a shade of grey."""
    figure, axis = plt.subplots(figsize=(2, 2))
    axis.imshow(
        np.full((2, 2), float(model.layers[0].kernel.numpy()[0, 0])),
        vmin=0,
        vmax=10,
        cmap="gray",
    )
    return figure


def trained(callback, epochs, initial_epoch=0):
    model = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros"),
        ]
    )
    model.compile("sgd", "mse")
    x = np.ones((4, 1))
    model.fit(
        x,
        9 * x,
        epochs=epochs,
        initial_epoch=initial_epoch,
        verbose=0,
        callbacks=[callback],
    )


def test_a_picture_every_so_many_epochs_and_a_line_each(capsys):
    live = callbacks.LiveFigure(draw, every=2)
    trained(live, epochs=5)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "before training",
        "epoch 2 of 5",
        "epoch 4 of 5",
        "epoch 5 of 5",
    ]
    assert lines[-1].startswith("epoch 5 of 5, 0 s left: loss ")
    assert len(live.frames) == 4 and not plt.get_fignums()
    middles = [
        frame.convert("L").getpixel((frame.width // 2, frame.height // 2))
        for frame in live.frames
    ]
    assert (
        middles == sorted(middles)
        and middles[0] == 0 < middles[1] < middles[-1]
    )


def test_time_left_counts_from_the_epoch_that_a_run_continues_from(
    capsys, monkeypatch
):
    clock = iter(range(0, 1000, 10))  # each look at the clock is 10 s later
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: next(clock))
    trained(callbacks.LiveFigure(draw), epochs=6, initial_epoch=3)
    assert (
        "epoch 4 of 6, 20 s left" in capsys.readouterr().out
    )  # 10 s for one epoch, two to go


def test_animation_keeps_first_and_last_frame():
    live = callbacks.LiveFigure(draw)
    live.frames = [
        Image.new("RGB", (60, 60), (shade, 0, 0)) for shade in range(0, 250, 5)
    ]
    bundle = live.animation(frames=7)._repr_mimebundle_()
    source = bundle["text/html"].split("base64,")[1].split('"')[0]
    webp = Image.open(io.BytesIO(base64.b64decode(source)))
    assert webp.format == "WEBP" and webp.n_frames == 7
    assert webp.convert("RGB").getpixel((30, 30))[0] < 20
    still = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert still.convert("RGB").getpixel((30, 30)) == (245, 0, 0)


def test_every_is_checked():
    with pytest.raises(ValueError, match="every is 0"):
        callbacks.LiveFigure(draw, every=0)


def test_progress_yields_all_and_keeps_one_line(monkeypatch):
    lines = []

    class Line:
        def update(self, content, raw):
            lines.append(content["text/plain"])

    def display(content, raw, display_id):
        lines.append(content["text/plain"])
        return Line()

    monkeypatch.setattr(callbacks, "display", display)
    assert list(callbacks.progress(["a", "b"], "runs")) == ["a", "b"]
    assert lines == ["runs", "runs: 1 of 2", "runs: 2 of 2"]
