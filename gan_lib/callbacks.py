"""What is seen while something runs: a live figure for `fit()`, kept for a
player, and a count of many runs."""

from gan_lib.plots import describe

import base64
import html
import io
import json
import time

import IPython
import keras
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import clear_output, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image


def progress(items, what):
    """Goes through a sequence and says how far it is, in one line that stays as
    one output of a notebook's cell.

    Args:
        items: list, range or other sequence with a length.
        what: what the items are, such as "runs".

    Yields:
        the items, in their order.
    """
    line = display({"text/plain": what}, raw=True, display_id=True)
    for i, item in enumerate(items, start=1):
        yield item
        line.update({"text/plain": f"{what}: {i} of {len(items)}"}, raw=True)


class LiveFigure(keras.callbacks.Callback):
    """Draws a figure again and again while a model trains, with the epoch and
    the losses above it, and the time left.

    In a notebook each picture replaces the one before, and whatever else the
    cell printed; the last one stays as the cell's output. In papermill's log,
    and outside a notebook, each picture is one line of text. The pictures are
    kept for a player, also those of a run that was interrupted.

    Args:
        draw: function (model) that returns a matplotlib figure of what the
            model does now, always of the same size.
        every: epochs between two pictures. The last epoch gets one too.
        unit: what is counted above the figure, such as "step".
        per_epoch: how many of them an epoch has.

    Attributes:
        frames: the pictures so far, PIL images, the one before training first.
    """

    def __init__(self, draw, every=1, unit="epoch", per_epoch=1):
        super().__init__()
        if every < 1:
            raise ValueError(f"every is {every}; expected 1 epoch or more")
        self.draw = draw
        self.every = every
        self.unit = unit
        self.per_epoch = per_epoch
        self.frames = []
        self.description = ""

    def on_train_begin(self, logs=None):
        self.started = time.monotonic()
        self.first_epoch = None
        self._show("before training")

    def on_epoch_begin(self, epoch, logs=None):
        if self.first_epoch is None:  # not 0 in a run that continues
            self.first_epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        done, epochs = epoch + 1, self.params["epochs"]
        if done % self.every == 0 or done == epochs:
            seconds = time.monotonic() - self.started
            left = seconds / (done - self.first_epoch) * (epochs - done)
            moment = (
                f"{self.unit} {done * self.per_epoch:,}"
                f" of {epochs * self.per_epoch:,}"
            )
            losses = ", ".join(
                f"{name.replace('_', ' ')} {value:.3f}"
                for name, value in (logs or {}).items()
            )
            time_left = "" if done == epochs else f"{left:.0f} s left"
            self._show(": ".join(filter(None, [moment, losses])), time_left)

    def _show(self, line, time_left=""):
        figure = self.draw(self.model)
        try:
            self.description = describe(figure)
            frame, live = _pictures(figure, line, time_left)
        finally:
            plt.close(figure)  # else the notebook shows it once more
        self.frames.append(frame)
        text = ", ".join(filter(None, [line, time_left]))
        if IPython.get_ipython() is None:
            print(text)
        else:
            clear_output(wait=True)
            alt = {"image/png": {"alt": f"{self.description} {line}."}}
            content = {"image/png": _png(live), "text/plain": text}
            display(content, metadata=alt, raw=True)

    def player(self, frames=40, milliseconds=150):
        """Returns the pictures as a player that a notebook shows.

        In a notebook it takes the place of what the cell has shown so far, the
        live picture above all.

        Args:
            frames: how many to keep, evenly spread, the first and the last
                among them.
            milliseconds: time that each is shown.

        Raises:
            ValueError: if nothing has been drawn yet, or if the frames are too
                many to stay below 1.5 MB.
        """
        if not self.frames:
            raise ValueError("received no frames; expected a call of fit first")
        last = len(self.frames) - 1
        kept = sorted(
            {round(i * last / max(frames - 1, 1)) for i in range(frames)}
        )
        if IPython.get_ipython() is not None:
            clear_output(wait=True)
        chosen = [self.frames[i] for i in kept]
        return Player(chosen, milliseconds, self.description)


class Player:
    """Pictures that a reader of a notebook plays, stops and steps through; the
    last one where no script runs.

    The page gets the last picture as an image. A few lines of JavaScript put a
    button, a slider and the frame's number under it. JupyterLab and web pages
    run them; an untrusted notebook keeps the image alone.

    Args:
        frames: list of PIL images of one size.
        milliseconds: time that each is shown.
        description: what they show, the text alternative.

    Raises:
        ValueError: if there are no frames, or too many to stay below 1.5 MB.
    """

    limit = 1_500_000  # bytes of the HTML

    def __init__(self, frames, milliseconds=150, description="A training run."):
        if not frames:
            raise ValueError("received no frames; expected 1 or more")
        self.text = f"Player of {len(frames)} frames. {description}"
        self.png = _png(frames[-1])
        # of few flat colours the exact picture is smaller than a good lossy one
        for options in ({"lossless": True}, {"quality": 50}, {"quality": 20}):
            uris = [_data_uri(frame, **options) for frame in frames]
            self.html = _player_html(
                uris, milliseconds, self.text, frames[-1].width
            )
            if len(self.html) <= self.limit:
                return
        raise ValueError(
            f"received {len(frames)} frames, which take"
            f" {len(self.html) / 1e6:.1f} MB; expected 1.5 MB at most:"
            " keep fewer frames, or draw a smaller figure"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        return (
            {
                "text/html": self.html,
                "image/png": base64.b64encode(self.png).decode(),
                "text/plain": self.text,
            },
            {"image/png": {"alt": self.text}},
        )


def film(figures, milliseconds=150):
    """Returns figures as a player that a notebook shows.

    Args:
        figures: list or generator of matplotlib figures of one size; of a
            generator, one is held at a time.
        milliseconds: time that each is shown.

    Raises:
        ValueError: if there is no figure, or if they are too many to stay below
            1.5 MB.
    """
    frames, description = [], ""
    for figure in figures:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        frames.append(_image(canvas))
        description = describe(figure)
    if not frames:
        raise ValueError("received no figures; expected 1 or more")
    return Player(frames, milliseconds, description)


def _pictures(figure, line, time_left):
    """Two images of a figure with a line above it: one to keep, and one that
    also tells the time left."""
    figure.suptitle(line, fontsize=9, x=0.01, ha="left")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    frame = _image(canvas)
    if not time_left:
        return frame, frame
    # onto the drawn figure: drawing all of it again would take as long again
    figure.draw_artist(
        figure.text(0.99, 0.98, time_left, fontsize=9, ha="right", va="top")
    )
    return frame, _image(canvas)


def _image(canvas):
    """The canvas as an image of 64 colours: small in memory and in a file."""
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    # this method keeps colours that are seldom, such as those of a colour bar
    return image.quantize(64, Image.Quantize.MAXCOVERAGE)


def _png(image):
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _data_uri(image, **options):
    stream = io.BytesIO()
    image.convert("RGB").save(stream, "WEBP", **options)
    source = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"data:image/webp;base64,{source}"


def _player_html(uris, milliseconds, text, width):
    *earlier, last = uris
    return f"""<div style="max-width: {width}px">
<img style="display: block; max-width: 100%" alt="{html.escape(text)}"
 src="{last}">
<script>
{PLAYER_SCRIPT.strip()}(
document.currentScript.parentElement, {milliseconds},
{json.dumps(earlier)});
</script>
</div>"""


# The box is the parent of the script, so that a page can have many players
# without a name in common. Nothing is left in the page's global names.
PLAYER_SCRIPT = """
(function (box, milliseconds, frames) {
  const picture = box.querySelector("img");
  frames.push(picture.src);
  const last = frames.length - 1;
  const controls = document.createElement("div");
  const button = document.createElement("button");
  const slider = document.createElement("input");
  const number = document.createElement("span");
  let timer = null;

  function show(i) {
    picture.src = frames[i];
    slider.value = i;
    number.textContent = `frame ${i + 1} of ${last + 1}`;
    slider.setAttribute("aria-valuetext", number.textContent);
  }
  function label(symbol, word) {
    button.textContent = symbol;
    button.title = word;
    button.setAttribute("aria-label", word);
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    label("\u25b6", "play");
  }
  function step() {
    const next = Number(slider.value) + 1;
    // a page that has dropped the player needs no more frames
    if (next > last || !box.isConnected) stop();
    else show(next);
  }
  function play() {
    if (Number(slider.value) === last) show(0);
    timer = setInterval(step, milliseconds);
    label("\u275a\u275a", "pause");
  }

  for (const element of [button, slider]) {
    // else JupyterLab takes the arrow keys and Enter for itself
    element.setAttribute("data-lm-suppress-shortcuts", "true");
  }
  // white as the pictures are, also on a dark page
  controls.style.cssText =
    "display: flex; align-items: center; gap: 0.8em; padding: 0.4em; " +
    "font: 14px sans-serif; background: white; color: black; " +
    "color-scheme: light";
  button.type = "button";
  button.style.cssText =
    "width: 3em; padding: 0.3em 0; font: inherit; color: inherit; " +
    "background: none; border: 1px solid currentColor; border-radius: 4px";
  slider.type = "range";
  slider.min = 0;
  slider.max = last;
  slider.style.cssText = "flex: 1; min-width: 0";
  slider.setAttribute("aria-label", "frame");
  number.style.cssText = "min-width: 8.5em; white-space: nowrap";
  button.onclick = () => (timer === null ? play() : stop());
  slider.oninput = () => {
    stop();
    show(Number(slider.value));
  };
  controls.append(button, slider, number);
  box.append(controls);
  stop();
  show(last);
})"""
