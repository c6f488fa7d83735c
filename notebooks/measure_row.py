"""Measures rows of a table, in a process beside a worker: see results.py.

Each question is a line of stdin, as JSON: a chapter's experiment cells and a
row. The answer is a line of stdout with `measured` and `arrays`, or `error`,
and a line before it now and then says how far the row is. What the experiment prints goes
to stderr. Starting TensorFlow takes longer than many a row, so one process
measures one row after the other. A row sets its own seeds, and the chapter's
cells are run anew for each, so it depends on nothing that was measured before.
"""

import base64
import inspect
import io
import json
import os
import queue
import sys
import threading
import time
import traceback


def measure(source, row, every):
    chapter, options = {}, {}
    exec(source, chapter)
    if "callbacks" in inspect.signature(chapter["experiment"]).parameters:
        options["callbacks"] = [report(every)]
    measured = chapter["experiment"](**row, **options)
    if row.keys() & measured.keys():
        both = ", ".join(row.keys() & measured.keys())
        raise ValueError(f"the experiment measures {both}, as the row names it")
    numbers, arrays = {}, {}
    for name, value in measured.items():
        if getattr(value, "ndim", 0):
            arrays[name] = as_text(value)
        else:
            numbers[name] = f"{value:.5g}"
    say(measured=numbers, arrays=arrays)


def as_text(array):
    """The bytes of an array's .npy file, in base64."""
    import numpy as np

    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return base64.b64encode(stream.getvalue()).decode()


def report(every):
    """A callback that says how far `fit` is, `every` so many seconds."""
    import keras

    class Report(keras.callbacks.Callback):
        last = 0

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if time.monotonic() - self.last > every:
                self.last = time.monotonic()
                steps = self.params["steps"] or batch + 1
                done = self.epoch * steps + batch + 1
                say(share=done / (steps * self.params["epochs"]))

    return Report()


def say(**message):
    print(json.dumps(message), file=answers, flush=True)


def listen(questions):
    """Passes questions on until the worker, which asks them, is gone."""
    for line in sys.stdin:
        questions.put(json.loads(line))
    os._exit(1)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    questions = queue.Queue()
    threading.Thread(target=listen, args=[questions], daemon=True).start()
    while True:
        try:
            measure(**questions.get())
        except Exception as error:
            traceback.print_exc()
            say(error=f"{type(error).__name__}: {error}")
        if "keras" in sys.modules:  # models of the row before take memory
            sys.modules["keras"].utils.clear_session()
