"""The live figure: its lines, its frames and its player."""

from gan_lib import callbacks, plots

import base64
import html.parser
import io
import json
import re
from types import SimpleNamespace

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


class Parts(html.parser.HTMLParser):
    """The elements of some HTML, their attributes, and the text of scripts."""

    def __init__(self, source):
        super().__init__()
        self.elements, self.script = [], ""
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.elements[-1][0] == "script":
            self.script += data


def decoded(uri):
    kind, source = uri.split(";base64,")
    assert kind == "data:image/webp"
    return Image.open(io.BytesIO(base64.b64decode(source)))


class Notebook:
    """What a notebook's cell would be asked to show and to clear."""

    def __init__(self, monkeypatch):
        self.shown, self.cleared = [], 0
        monkeypatch.setattr(callbacks.IPython, "get_ipython", lambda: self)
        monkeypatch.setattr(callbacks, "display", self.display)
        monkeypatch.setattr(callbacks, "clear_output", self.clear)

    def display(self, data, metadata, raw):
        self.shown.append((data, metadata))

    def clear(self, wait):
        assert wait  # else the cell jumps up and down between two pictures
        self.cleared += 1


def test_a_picture_every_so_many_epochs_and_a_line_each(capsys):
    live = callbacks.LiveFigure(draw, every=2)
    trained(live, epochs=5)
    lines = capsys.readouterr().out.splitlines()
    assert [re.split("[,:]", line)[0] for line in lines] == [
        "before training",
        "epoch 2 of 5",
        "epoch 4 of 5",
        "epoch 5 of 5",
    ]
    assert re.fullmatch(r"epoch 4 of 5: loss [\d.]+, \d+ s left", lines[2])
    assert re.fullmatch(r"epoch 5 of 5: loss [\d.]+", lines[-1])
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
    lines = capsys.readouterr().out.splitlines()
    # 10 s for one epoch, two to go
    assert lines[1].startswith("epoch 4 of 6: loss")
    assert lines[1].endswith(", 20 s left")


def shades(n):
    return [Image.new("RGB", (60, 40), (5 * i, 0, 0)) for i in range(n)]


def test_player_holds_every_frame_and_shows_the_last_without_scripts():
    live = callbacks.LiveFigure(draw)
    live.frames = shades(50)
    live.description = 'Map of "D" <x>.'
    bundle, metadata = live.player(frames=7)._repr_mimebundle_()
    parts = Parts(bundle["text/html"])
    # nothing but the picture is there before the script has run
    assert [tag for tag, _ in parts.elements] == ["div", "img", "script"]
    picture = parts.elements[1][1]
    earlier = json.loads(re.search(r'\["data:.*"\]', parts.script)[0])
    frames = [decoded(uri) for uri in (*earlier, picture["src"])]
    reds = [frame.convert("RGB").getpixel((30, 20))[0] for frame in frames]
    assert reds == [0, 40, 80, 120, 165, 205, 245]  # first, last, evenly
    assert {frame.size for frame in frames} == {(60, 40)}
    still = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert still.format == "PNG"
    for image in (still, frames[-1]):
        np.testing.assert_array_equal(image.convert("RGB"), live.frames[-1])
    words = 'Player of 7 frames. Map of "D" <x>.'
    assert picture["alt"] == bundle["text/plain"] == words
    assert metadata == {"image/png": {"alt": words}}


def test_frames_keep_their_colours():
    """A few dots of each colour of a map survive beside a large picture of other colours."""
    wanted = plots.PROBABILITY(np.linspace(0, 1, 11))[:, :3]
    pixels = np.ones((200, 200, 3))
    pixels[:100] = np.random.default_rng(0).uniform(0, 1, (100, 200, 1))
    pixels[150, 20:31] = wanted
    figure = plt.figure(figsize=(2, 2), dpi=100)
    figure.figimage(pixels)
    frame, _ = callbacks._pictures(figure, "", "")
    plt.close(figure)
    found = np.asarray(frame.convert("RGB"))[150, 20:31] / 255
    assert np.abs(found - wanted).max() < 0.05
    assert frame.convert("RGB").getpixel((150, 150)) == (255, 255, 255)


def test_player_can_be_used_without_a_mouse_and_beside_another():
    source = callbacks.Player(shades(3), milliseconds=70).html
    script = Parts(source).script
    assert 'createElement("button")' in script
    assert 'slider.type = "range"' in script and "slider.max = last" in script
    for name in ("aria-label", "aria-valuetext", '"play"', '"pause"'):
        assert name in script
    # scoped by the script's own place: no name that two players would share
    assert "document.currentScript.parentElement, 70" in script
    assert " id=" not in source and "getElementById" not in source
    assert not re.search(r"^(var|let|const|function|window)", script, re.M)
    assert "http" not in source and "src=" not in script  # no network
    assert callbacks.Player(shades(3), milliseconds=70).html == source


def test_player_of_one_frame_and_of_a_large_figure():
    noise = np.random.default_rng(0).integers(0, 256, (600, 600, 3), np.uint8)
    assert (
        Parts(callbacks.Player(shades(1)).html).script.rstrip().endswith("[]);")
    )
    pictures = 4 * [Image.fromarray(noise)]
    source = callbacks.Player(pictures).html  # lossy, so as to be small enough
    assert len(source) <= 1_500_000 < 4 * noise.size
    assert source.count("data:image/webp") == 4
    with pytest.raises(ValueError, match="40 frames, which take .* MB"):
        callbacks.Player(10 * pictures)


def test_a_film_shows_figures_in_their_order():
    def figure(height):
        drawn, axis = plots.new_figure(kind="Bar", figsize=(2, 1))
        axis.bar([0], height)
        axis.set_ylim(0, 3)
        return drawn

    made = callbacks.film((figure(h) for h in (0, 1, 3)), milliseconds=70)
    parts = Parts(made.html)
    assert made.text.startswith("Player of 3 frames. Bar")
    assert ", 70" in parts.script
    frames = re.findall("base64,([A-Za-z0-9+/=]+)", made.html)
    frames = [Image.open(io.BytesIO(base64.b64decode(f))) for f in frames]
    white = [np.mean(np.asarray(f.convert("L")) > 250) for f in frames]
    last, first, second = white  # the last one is the page's own image
    assert first > second > last
    with pytest.raises(ValueError, match="received no figures"):
        callbacks.film([])


def test_a_notebook_gets_one_picture_that_ends_without_time_left(monkeypatch):
    notebook = Notebook(monkeypatch)
    drawn = []
    draw_artist = plt.Figure.draw_artist
    monkeypatch.setattr(
        plt.Figure,
        "draw_artist",
        lambda self, artist: (
            drawn.append(artist.get_text()),
            draw_artist(self, artist),
        ),
    )
    clock = SimpleNamespace(monotonic=iter([100, 107, 115]).__next__)
    monkeypatch.setattr(callbacks, "time", clock)
    live = callbacks.LiveFigure(draw, unit="step", per_epoch=600)
    trained(live, epochs=2)
    texts = [data["text/plain"] for data, _ in notebook.shown]
    assert texts[0] == "before training"
    # the first of two epochs took 7 s
    assert re.fullmatch("step 600 of 1,200: loss [^,]+, 7 s left", texts[1])
    assert re.fullmatch("step 1,200 of 1,200: loss [^,]+", texts[2])
    assert drawn == ["7 s left"]  # in the second picture only
    images = [
        Image.open(io.BytesIO(data["image/png"])).convert("RGB")
        for data, _ in notebook.shown
    ]
    # the frames that are kept never hold it
    same = [
        np.array_equal(frame.convert("RGB"), image)
        for frame, image in zip(live.frames, images, strict=True)
    ]
    assert same == [True, False, True]
    alt = notebook.shown[-1][1]["image/png"]["alt"]
    assert alt.startswith("Figure. step 1,200 of 1,200: loss")
    assert notebook.cleared == 3  # each picture takes the place of the last
    player = live.player()
    assert notebook.cleared == 4 and len(notebook.shown) == 3
    assert player.text == "Player of 3 frames. Figure."


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_run_leaves_its_frames(error, monkeypatch):
    notebook = Notebook(monkeypatch)

    def interrupted(model):
        figure = draw(model)
        if len(live.frames) == 3:  # while the fourth picture is made
            figure.canvas.mpl_connect("draw_event", stop)
        return figure

    def stop(event):
        raise error

    live = callbacks.LiveFigure(interrupted)
    with pytest.raises(error):
        trained(live, epochs=9)
    assert len(live.frames) == 3 == len(notebook.shown)
    assert not plt.get_fignums()  # else the cell would show a half-made figure
    assert live.player().html.count("data:image/webp") == 3


def test_player_is_there_only_after_a_picture():
    with pytest.raises(ValueError, match="no frames"):
        callbacks.LiveFigure(draw).player()
    with pytest.raises(ValueError, match="received no frames"):
        callbacks.Player([])


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
