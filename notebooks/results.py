"""Makes the tables over many seeds that chapters show: `make results`.

python notebooks/results.py NAME ...

The rows are measured side by side, by the workers of a Dask cluster: one for
each core of this machine, or those of the scheduler that
DASK_SCHEDULER_ADDRESS names. The project's code is sent to them.

A chapter says what to measure in its cells tagged `experiment`:

- `results_rows(table)` returns the rows, a list of dicts. `table` is a
  DataFrame of the rows measured so far. When all rows that it named are there,
  it is called again, and may name more: so the last runs follow from a search.
- `experiment(**row)` measures one of them and returns a dict of numbers. If it
  has a parameter `callbacks`, it gets Keras callbacks for `fit`, which tell how
  far a long row is.

A row stands in results/NAME.csv as soon as it is measured, and a run that was
stopped goes on where it was.
"""

import csv
import inspect
import io
import os
import pathlib
import platform
import re
import sys
import tempfile
import time
import zipfile
from importlib import metadata

import nbformat
import pandas as pd
from code_hash import code_hash, experiment_cells
from distributed import (
    Client,
    LocalCluster,
    WorkerPlugin,
    get_worker,
    wait,
)

NOTEBOOKS = pathlib.Path(__file__).resolve().parent
ROOT = NOTEBOOKS.parent
RESULTS = NOTEBOOKS / "results"
THREADS = 1  # of TensorFlow for each row: sums depend on their number
LOOK_EVERY = 20  # seconds between two lines on what is running


class ProjectCode(WorkerPlugin):
    """Unpacks the project's code on a worker and makes it importable there."""

    name = "project code"

    def __init__(self, archive):
        self.archive = archive

    def setup(self, worker):
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # rows are equal everywhere
        folder = tempfile.mkdtemp(dir=worker.local_directory)
        zipfile.ZipFile(io.BytesIO(self.archive)).extractall(folder)
        sys.path.insert(0, folder)
        for name in [name for name in sys.modules if name[:7] == "gan_lib"]:
            del sys.modules[name]  # of an earlier run
        worker.chapters = {}


def project_archive():
    """gan_lib and the data that come with the course, as a zip file's bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for pattern in ("gan_lib/*.py", "data/*.npz", "data/*.keras"):
            for path in sorted(ROOT.glob(pattern)):
                archive.write(path, path.relative_to(ROOT))
    return stream.getvalue()


def load_chapter(source):
    """Runs a chapter's experiment cells and returns what they define."""
    chapter = {}
    exec(source, chapter)
    return chapter


def measure(source, row, label, every):
    """Measures one row, on a worker. Returns its numbers as text.

    A long row says how far it is, `every` so many seconds.
    """
    worker = get_worker()
    import gan_lib  # noqa: F401  (starts TensorFlow quietly)

    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    if source not in worker.chapters:
        worker.chapters[source] = load_chapter(source)
    experiment, options = worker.chapters[source]["experiment"], {}

    class Report(keras.callbacks.Callback):
        last = 0

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if time.monotonic() - self.last > every:
                self.last = time.monotonic()
                steps = self.params["steps"] or batch + 1
                done = self.epoch * steps + batch + 1
                share = done / (steps * self.params["epochs"])
                worker.log_event("share", {"label": label, "share": share})

    if "callbacks" in inspect.signature(experiment).parameters:
        options["callbacks"] = [Report()]
    keras.backend.clear_session()
    measured = experiment(**row, **options)
    return {name: f"{number:.5g}" for name, number in measured.items()}


class Table:
    """The rows of results/NAME.csv, each written as soon as it is known."""

    def __init__(self, path, head):
        self.path, self.head = path, head
        self.rows, self.old_head = {}, []
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            self.old_head = [line for line in lines if line.startswith("#")]
            found = csv.DictReader(line for line in lines if line[:1] != "#")
            self.rows = {tuple(row.items()): row for row in found}

    def find(self, row):
        """The stored row with these values, or None."""
        wanted = key(row).items()
        rows = (each for each in self.rows.values() if wanted <= each.items())
        return next(rows, None)

    def order(self, rows):
        """Brings the stored rows into this order, and drops all others."""
        found = [self.find(row) for row in rows]
        self.rows = {tuple(row.items()): row for row in found if row}

    def write(self):
        """Writes all rows: the file holds either the old or the new ones."""
        self.path.parent.mkdir(exist_ok=True)
        partial = self.path.with_suffix(".part")
        try:
            with partial.open("w", encoding="utf-8", newline="") as file:
                file.write("\n".join(self.head) + "\n")
                rows = list(self.rows.values())
                names = dict.fromkeys(name for row in rows for name in row)
                writer = csv.DictWriter(file, names, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
            partial.replace(self.path)
        finally:
            partial.unlink(missing_ok=True)

    def frame(self):
        """The rows as a DataFrame, with numbers as numbers."""
        text = io.StringIO()
        rows = list(self.rows.values())
        if not rows:
            return pd.DataFrame()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        text.seek(0)
        return pd.read_csv(text)


def key(row):
    return {name: str(value) for name, value in row.items()}


def label(row):
    return ", ".join(f"{name} {value}" for name, value in row.items())


def processor():
    """Name of this machine's processor and the number of its cores."""
    lines = pathlib.Path("/proc/cpuinfo")
    text = lines.read_text() if lines.exists() else ""
    names = re.findall(r"model name\s*: (.+)", text)
    name = names[0] if names else platform.processor()
    return f"{name}, {os.cpu_count()} logical cores"


def head_of(name, notebook):
    packages = ("tensorflow", "keras", "numpy")
    versions = ", ".join(
        f"{each} {metadata.version(each)}" for each in packages
    )
    parameters = experiment_cells(notebook)[0].splitlines()
    values = ", ".join(line.partition("  #")[0] for line in parameters)
    return [
        f"# made by: make results CHAPTER={name[:2]}",
        f"# code: {code_hash(notebook)}",
        f"# parameters: {values}",
        f"# versions: {versions}",
        f"# processor: {processor()}",
        f"# threads: {THREADS} a row",
    ]


class Progress:
    """Lines on what is done, running and left."""

    def __init__(self, client, names):
        self.client, self.names, self.shares = client, names, {}
        self.started, self.done, self.failed = time.monotonic(), 0, 0
        client.subscribe_topic("share", self.heard)

    def heard(self, event):
        _, message = event
        self.shares[message["label"]] = message["share"]

    def say(self):
        running = [
            self.names[task]
            for tasks in self.client.processing().values()
            for task in tasks
            if task in self.names
        ]
        left = len(self.names) - self.done - self.failed
        line = (
            f"{self.done} done, {min(len(running), left)} running, "
            f"{self.failed} failed, {left} left"
        )
        if self.done:
            seconds = (time.monotonic() - self.started) / self.done * left
            line += f", about {seconds:.0f} s"
        print(line, flush=True)
        for name in running:
            share = self.shares.get(name)
            print(f"  {name}" + (f": {share:.0%}" if share else ""), flush=True)


def measure_rows(client, source, rows, finished):
    """Measures rows on the cluster and gives each to `finished` when it is.

    Returns:
        number of rows that failed; their errors are printed.
    """
    futures = {
        client.submit(
            measure, source, row, label(row), LOOK_EVERY / 2, pure=False
        ): row
        for row in rows
    }
    names = {future.key: label(row) for future, row in futures.items()}
    progress, waiting = Progress(client, names), set(futures)
    while waiting:
        try:
            ended, waiting = wait(
                waiting, timeout=LOOK_EVERY, return_when="FIRST_COMPLETED"
            )
        except TimeoutError:
            ended = []
        for future in ended:
            row = futures[future]
            if future.status == "finished":
                progress.done += 1
                measured = key(row) | future.result()
                print(label(measured), flush=True)
                finished(measured)
            else:
                progress.failed += 1
                error = future.exception()
                text = f"{type(error).__name__}: {error}"
                print(f"FAILED {label(row)}: {text}", flush=True)
            future.release()
        progress.say()
    return progress.failed


def one_of_each_kind(rows):
    """The first row of each combination of names: all values but numbers."""
    kinds = {}
    for row in rows:
        kind = tuple(v for v in row.values() if isinstance(v, str))
        kinds.setdefault(kind, row)
    return list(kinds.values())


def still_holds(client, source, table, rows):
    """Whether the stored rows can stand under the head of today.

    Of other code, or another number of threads, one row of each kind is
    measured again and compared.
    """
    new, old = (
        {line.split(":")[0]: line for line in head}
        for head in (table.head, table.old_head)
    )
    if new["# parameters"] != old.get("# parameters"):
        return False
    if all(new[each] == old.get(each) for each in ("# code", "# threads")):
        return True
    sample, found = one_of_each_kind(filter(table.find, rows)), []
    print(f"the code has changed: {len(sample)} rows are measured again")
    failed = measure_rows(client, source, sample, found.append)
    stored = [without_time(row) for row in table.rows.values()]
    return not failed and all(without_time(row) in stored for row in found)


def without_time(row):
    return {name: text for name, text in row.items() if name != "seconds"}


def make_table(name, client):
    """Makes the table of a chapter, or goes on with it.

    Rows of other code are kept if one of each kind, measured again, comes out
    the same to the last digit; else all are measured anew.

    Returns:
        number of rows that failed.
    """
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    if not experiment_cells(notebook)[1:]:
        return 0
    source = "\n\n".join(experiment_cells(notebook))
    chapter = load_chapter(source)
    table = Table(RESULTS / f"{name}.csv", head_of(name, notebook))
    rows_of = chapter["results_rows"]
    if table.rows:
        rows = rows_of(table.frame())
        if not still_holds(client, source, table, rows):
            print("the stored rows are of other code: all are measured anew")
            table.rows = {}
    failed = 0
    while not failed:
        rows = rows_of(table.frame())
        table.order(rows)
        missing = [row for row in rows if not table.find(row)]
        if not missing:
            break

        def finished(row, rows=rows):
            table.rows[tuple(row.items())] = row
            table.order(rows)
            table.write()

        failed = measure_rows(client, source, missing, finished)
    table.write()
    return failed


def connect(address=None):
    """A client of the scheduler at an address, or of a cluster of our own.

    Raises:
        ConnectionError: if no scheduler answers within some seconds.
    """
    if address:
        try:
            client = Client(address, timeout=5)
        except (OSError, ValueError) as error:
            raise ConnectionError(
                f"no scheduler answers at {address}: {error}"
            ) from error
    else:
        cluster = LocalCluster(threads_per_worker=1, processes=True)
        client = Client(cluster)
    client.register_plugin(ProjectCode(project_archive()))
    return client


def main(names):
    if not names:
        sys.exit(__doc__)
    os.chdir(NOTEBOOKS)
    try:
        client = connect(os.environ.get("DASK_SCHEDULER_ADDRESS"))
    except ConnectionError as error:
        sys.exit(str(error))
    workers = len(client.scheduler_info()["workers"])
    print(f"{workers} workers; see {client.dashboard_link}", flush=True)
    try:
        failed = sum(make_table(name, client) for name in names)
    finally:
        client.shutdown() if client.cluster else client.close()
    if failed:
        sys.exit(f"{failed} rows failed; run again to measure them")


if __name__ == "__main__":
    main(sys.argv[1:])
