"""Measures one row of a table, in a process of its own: see results.py.

A row depends on nothing that ran before it. (The order in which TensorFlow
adds numbers may depend on what a process has compiled before.) The question
is the first line of stdin, as JSON: a chapter's experiment cells and the row.
The answer is the last line of stdout, and a line before it now and then says
how far the row is. What the experiment prints goes to stderr.
"""

import inspect
import json
import os
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
    say(measured={name: f"{value:.5g}" for name, value in measured.items()})


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


def end_with_the_worker():
    sys.stdin.read()  # until the worker, which holds the other end, is gone
    os._exit(1)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    question = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_the_worker, daemon=True).start()
    try:
        measure(**question)
    except Exception as error:
        traceback.print_exc()
        say(error=f"{type(error).__name__}: {error}")
