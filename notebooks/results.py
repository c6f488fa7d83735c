"""Makes the tables over many seeds that chapters show: `make results`.

python notebooks/results.py NAME ...

The rows are measured side by side, by the workers of a Dask cluster: one for
each core of this machine, or those of the scheduler that
DASK_SCHEDULER_ADDRESS names. The project's code is sent to them.

A chapter says what to measure in its cells tagged `experiment`:

- `results_rows(table)` returns the rows, a list of dicts. `table` is a
  DataFrame of the rows measured so far. When all rows that it named are there,
  it is called again, and may name more: so the last runs follow from a search.
- `experiment(**row)` measures one of them and returns a dict of numbers, and of
  arrays where there is something to look at: images. If it has a parameter
  `callbacks`, it gets Keras callbacks for `fit`, which tell how far a long row
  is.

A row stands in results/NAME.csv as soon as it is measured, its arrays in
results/NAME.npz, and a run that was stopped goes on where it was.
"""

import base64
import csv
import io
import itertools
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from importlib import metadata

import cluster
import nbformat
import numpy as np
import pandas as pd
from code_hash import code_hash, experiment_cells
from distributed import (
    Client,
    LocalCluster,
    WorkerPlugin,
    get_worker,
    wait,
)
from distributed.client import FuturesCancelledError
from distributed.comm import CommClosedError

NOTEBOOKS = pathlib.Path(__file__).resolve().parent
ROOT = NOTEBOOKS.parent
CHAPTERS = NOTEBOOKS  # where the chapters are, and
RESULTS = NOTEBOOKS / "results"  # their tables
# of the project, for a row
NEEDED = [
    "gan_lib/*.py",
    "data/*.npz",
    "data/*.keras",
    "notebooks/measure_row.py",
]
THREADS = 1  # of TensorFlow for each row: sums depend on their number
LOOK_EVERY = 20  # seconds between two lines on what is running


class ProjectCode(WorkerPlugin):
    """Unpacks the project's code on a worker."""

    name = "project code"

    def __init__(self, archive):
        self.archive = archive

    def setup(self, worker):
        worker.row_processes = {}
        worker.project = tempfile.mkdtemp(dir=worker.local_directory)
        archive = zipfile.ZipFile(io.BytesIO(self.archive))
        archive.extractall(worker.project)


def load_chapter(source):
    """Runs a chapter's experiment cells and returns what they define."""
    chapter = {}
    exec(source, chapter)
    return chapter


def row_process(worker):
    """The process that measures this thread's rows, started if there is none.

    It ends when the worker does, which holds the other end of its stdin.
    """
    thread = threading.get_ident()
    process = worker.row_processes.get(thread)
    if process is None or process.poll() is not None:
        threads = ["TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"]
        threads += ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
        threads += ["MKL_NUM_THREADS"]
        worker.row_processes[thread] = process = subprocess.Popen(
            [sys.executable, "notebooks/measure_row.py"],
            cwd=worker.project,
            env=os.environ
            | {"PYTHONPATH": worker.project}
            | {"CUDA_VISIBLE_DEVICES": "-1"}  # rows are equal everywhere
            | dict.fromkeys(threads, str(THREADS)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    return process


def measure(source, row, label, every):
    """Measures one row, in a process beside the worker.

    Returns:
        dict of str, its numbers, and a dict of its arrays.

    Raises:
        RuntimeError: with the experiment's error.
    """
    worker = get_worker()
    process = row_process(worker)
    question = {"source": source, "row": row, "every": every}
    line = json.dumps(question, default=lambda number: number.item())
    print(line, file=process.stdin, flush=True)
    answer = {}
    while not answer.keys() & {"measured", "error"}:
        line = process.stdout.readline()
        if not line:
            died = f"its process ended with code {process.wait()}"
            raise RuntimeError(died)
        answer = json.loads(line)
        worker.log_event("share", {"label": label} | answer)
    if "error" in answer:
        raise RuntimeError(answer["error"])
    arrays = {}
    for name, text in answer["arrays"].items():
        arrays[name] = np.load(io.BytesIO(base64.b64decode(text)))
    return answer["measured"], arrays


class Table:
    """The rows of results/NAME.csv, each written as soon as it is known.

    Their arrays are in results/NAME.npz, called "label of the row: name".
    """

    def __init__(self, path, head):
        self.path, self.head = path, head
        self.rows, self.old_head, self.arrays = {}, [], {}
        if path.with_suffix(".npz").exists():
            self.arrays = dict(np.load(path.with_suffix(".npz")))
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            self.old_head = list(
                itertools.takewhile(lambda line: line.startswith("# "), lines)
            )
            found = csv.DictReader(lines[len(self.old_head) :])
            self.rows = {tuple(row.items()): row for row in found}

    def find(self, row):
        """The stored row with these values, or None."""
        wanted = key(row).items()
        rows = (each for each in self.rows.values() if wanted <= each.items())
        return next(rows, None)

    def only(self, rows):
        """The stored ones of these rows, in their order."""
        found = [self.find(row) for row in rows]
        return [row for row in found if row]

    def write(self):
        """Writes all rows: the file holds either the old or the new ones."""
        self.path.parent.mkdir(exist_ok=True)
        partial = self.path.with_suffix(".part")
        try:
            with partial.open("w", encoding="utf-8", newline="") as file:
                file.write("\n".join(self.head) + "\n")
                write_csv(file, list(self.rows.values()))
            partial.replace(self.path)
            if self.arrays:
                with partial.open("wb") as file:
                    np.savez_compressed(file, **self.arrays)
                partial.replace(self.path.with_suffix(".npz"))
        finally:
            partial.unlink(missing_ok=True)


def write_csv(file, rows):
    names = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(file, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def frame(rows):
    """Rows of text as a DataFrame, with numbers as numbers."""
    if not rows:
        return pd.DataFrame()
    text = io.StringIO()
    write_csv(text, rows)
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
        self.shares[message["label"]] = message.get("share")

    def say(self):
        threads = self.client.nthreads()
        running = [
            self.names[task]
            for worker, tasks in self.client.processing().items()
            for task in list(tasks)[: threads.get(worker, 0)]  # others wait
            if task in self.names
        ]
        left = len(self.names) - self.done - self.failed
        line = (
            f"{self.done} done, {len(running)} running, "
            f"{self.failed} failed, {left} left"
        )
        if self.done:
            seconds = (time.monotonic() - self.started) / self.done * left
            line += f", about {seconds:.0f} s"
        print(line if threads else f"{line}; no worker is there", flush=True)
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
                numbers, arrays = future.result()
                measured = key(row) | numbers
                print(label(measured), flush=True)
                finished(measured, arrays)
            else:
                progress.failed += 1
                print(f"FAILED {label(row)}: {future.exception()}", flush=True)
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


def changed(table):
    """What the heads of the stored table and of a new one say differently."""
    heads = [table.head, table.old_head]
    new, old = ({line.split(":")[0]: line for line in head} for head in heads)
    return {name[2:] for name in new if new[name] != old.get(name)}


def measured_in(row):
    """What can be compared: a stored row is blank where others measure more."""
    return {
        name: text
        for name, text in row.items()
        if name != "seconds" and text != ""
    }


def make_table(name, client):
    """Makes the table of a chapter, or goes on with it.

    Rows that were measured with other code, versions, threads or on another
    processor are kept if one of each kind, measured again, comes out the same
    to the last digit; else all are measured anew.

    Returns:
        number of rows that failed.
    """
    notebook = nbformat.read(CHAPTERS / f"{name}.ipynb", as_version=4)
    if not experiment_cells(notebook)[1:]:
        return 0
    source = "\n\n".join(experiment_cells(notebook))
    rows_of = load_chapter(source)["results_rows"]
    table = Table(RESULTS / f"{name}.csv", head_of(name, notebook))
    differs = changed(table) if table.rows else set()
    if "parameters" in differs:
        print(f"{name}: other parameters, so all rows are measured anew")
        table.rows = {}
    elif differs:
        sample, again = one_of_each_kind(all_rows(rows_of, table)), []
        print(f"{name}: other {', '.join(sorted(differs))}; ", end="")
        print(f"{len(sample)} rows are measured again")
        failed = measure_rows(
            client, source, sample, lambda row, arrays: again.append(row)
        )
        if failed:
            return failed
        stored = [measured_in(row) for row in table.rows.values()]
        if not all(measured_in(row) in stored for row in again):
            print(f"{name}: not the same, so all rows are measured anew")
            table.rows = {}
    failed, named = 0, []
    while not failed:
        rows = rows_of(frame(table.only(named)))
        if rows == named:
            break
        named = rows

        def finished(row, arrays, rows=rows):
            table.rows[tuple(row.items())] = row
            named = next(each for each in rows if table.find(each) is row)
            for name, array in arrays.items():
                table.arrays[f"{label(named)}: {name}"] = array
            kept = table.only(rows)
            rest = [each for each in table.rows.values() if each not in kept]
            table.rows = {tuple(each.items()): each for each in kept + rest}
            table.write()

        missing = [row for row in rows if not table.find(row)]
        failed = measure_rows(client, source, missing, finished)
    if not failed:  # rows that nobody names any more go
        rows = table.only(named)
        table.rows = {tuple(row.items()): row for row in rows}
        table.arrays = {
            name: array
            for row in named  # in their order, however they were measured
            for name, array in table.arrays.items()
            if name.startswith(f"{label(row)}: ")
        }
        table.write()
    return failed


def all_rows(rows_of, table):
    """The stored rows that `results_rows` names, stage by stage."""
    named = []
    while (rows := rows_of(frame(table.only(named)))) != named:
        named = rows
        if len(table.only(named)) < len(named):
            break
    return [row for row in named if table.find(row)]


def connect(address=None):
    """A client of the scheduler at an address, or of a cluster of our own.

    Raises:
        ConnectionError: if no scheduler answers within some seconds.
    """
    if address:
        client = cluster.connect(address)
    else:
        own = LocalCluster(
            threads_per_worker=1, dashboard_address="127.0.0.1:8787"
        )
        client = Client(own)
    client.register_plugin(ProjectCode(cluster.project_archive(ROOT, NEEDED)))
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
    except (FuturesCancelledError, CommClosedError) as error:
        sys.exit(f"the scheduler is gone; run again to go on: {error}")
    finally:
        client.shutdown() if client.cluster else client.close()
    if failed:
        sys.exit(f"{failed} rows failed; run again to measure them")


if __name__ == "__main__":
    main(sys.argv[1:])
