"""What is seen while something runs: a live figure for `fit()`, kept as an animation, and a count of many runs."""

import base64
import io
import time

import IPython
import keras
import matplotlib.pyplot as plt
from IPython.display import clear_output, display
from PIL import Image


def progress(items, what):
    """Goes through a sequence and says how far it is, in one line that stays as one output of a notebook's cell.

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
    """Draws a figure again and again while a model trains, with the epoch, the time left and the losses above it.

    In a notebook each picture replaces the one before, and whatever else the cell printed; the last one stays as the
    cell's output. In papermill's log, and outside a notebook, each picture is one line of text.

    Args:
        draw: function (model) that returns a matplotlib figure of what the model does now.
        every: epochs between two pictures. The last epoch gets one too.

    Attributes:
        frames: the pictures so far, PIL images, the one before training first.
    """

    def __init__(self, draw, every=1):
        super().__init__()
        if every < 1:
            raise ValueError(f"every is {every}; expected 1 epoch or more")
        self.draw = draw
        self.every = every
        self.frames = []

    def on_train_begin(self, logs=None):
        self.started = time.monotonic()
        self.first_epoch = None
        self.show("before training")

    def on_epoch_begin(self, epoch, logs=None):
        if self.first_epoch is None:  # not 0 in a run that continues
            self.first_epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        done, epochs = epoch + 1, self.params["epochs"]
        if done % self.every == 0 or done == epochs:
            seconds = time.monotonic() - self.started
            left = seconds / (done - self.first_epoch) * (epochs - done)
            losses = ", ".join(
                f"{name.replace('_', ' ')} {value:.3f}"
                for name, value in (logs or {}).items()
            )
            self.show(f"epoch {done} of {epochs}, {left:.0f} s left: {losses}")

    def show(self, line):
        figure = self.draw(self.model)
        figure.suptitle(line, fontsize=9, x=0.01, ha="left")
        png = _png(figure)
        plt.close(figure)
        self.frames.append(Image.open(io.BytesIO(png)).convert("RGB"))
        if IPython.get_ipython() is None:
            print(line)
        else:
            clear_output(wait=True)
            display({"image/png": png, "text/plain": line}, raw=True)

    def animation(self, frames=40, milliseconds=150):
        """Returns the pictures as an animation that a notebook shows.

        Args:
            frames: how many to keep, evenly spread, the first and the last among them.
            milliseconds: time that each is shown; the last one stays ten times as long.
        """
        last = len(self.frames) - 1
        kept = sorted(
            {round(i * last / max(frames - 1, 1)) for i in range(frames)}
        )
        return Animation([self.frames[i] for i in kept], milliseconds)


class Animation:
    """An animated WebP for notebooks, with its last picture for readers that show no HTML."""

    def __init__(self, frames, milliseconds):
        stream = io.BytesIO()
        durations = [milliseconds] * (len(frames) - 1) + [10 * milliseconds]
        frames[0].save(
            stream,
            "WEBP",
            save_all=True,
            append_images=frames[1:],
            duration=durations,
            loop=0,
            quality=60,
            method=4,
        )
        self.webp = stream.getvalue()
        stream = io.BytesIO()
        frames[-1].quantize(32).save(stream, "PNG", optimize=True)
        self.png = stream.getvalue()

    def _repr_mimebundle_(self, include=None, exclude=None):
        source = base64.b64encode(self.webp).decode()
        return {
            "text/html": f'<img alt="animation of the training run" src="data:image/webp;base64,{source}">',
            "image/png": base64.b64encode(self.png).decode(),
            "text/plain": f"animation, {len(self.webp) / 1000:.0f} kB",
        }


def _png(figure):
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=72)
    return stream.getvalue()
