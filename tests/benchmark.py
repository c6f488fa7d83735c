"""Speed and memory of a training step against the usual ways, side by side: `make bench`.

    python tests/benchmark.py PYTHON   measure; PYTHON is an interpreter that has PyTorch

Each way runs in a process of its own (benchmark_keras.py, benchmark_torch.py), trains the same networks with the same
batch and optimizers, and waits while it is another's turn. So a slow moment of the machine meets all of them. The
medians go into book/library/speed.csv, of which the book makes a table and a picture.
"""

import csv
import itertools
import os
import pathlib
import platform
import re
import resource
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TABLE = HERE.parent / "book" / "library" / "speed.csv"
TURNS = 5
TURN_SECONDS = 1.5
LEAST_STEPS = 20  # as many as an execution holds
KERAS = [
    "fit",
    "fit, 20 steps an execution",
    "textbook train_step",
    "the same steps, compiled alone",
]
WAYS = {"GAN": [*KERAS, "train_on_batch loop"], "WGAN-GP": KERAS}
NETWORKS = ["dense", "convolutional"]
PRECISIONS = ["float32", "bfloat16"]


def serve(train, weights):
    """A way's side of the conversation: for each number on stdin, trains so many steps and says how long it took."""
    train(1)  # compiles
    print(weights, flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        train(int(line))
        print(time.perf_counter() - started, flush=True)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(kilobytes / 1e6, flush=True)


class Way:
    """A process that trains in one way."""

    def __init__(self, name, model, networks, precision, python=None):
        self.name, self.precision, self.milliseconds = name, precision, []
        command = [sys.executable, HERE / "benchmark_keras.py", name]
        if python:
            command = [python, HERE / "benchmark_torch.py"]
        self.process = subprocess.Popen(
            [*command, model, networks, precision],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self):
        line = self.process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"{self.name}, {self.precision}: it has ended")
        return line

    def seconds(self, steps):
        print(steps, file=self.process.stdin, flush=True)
        return float(self.answer())

    def prepare(self):
        """Waits until it has compiled, and chooses the steps of a turn."""
        self.weights = int(self.answer())
        self.seconds(LEAST_STEPS)
        turns = TURN_SECONDS / self.seconds(LEAST_STEPS)
        self.steps = LEAST_STEPS * max(1, round(turns))

    def turn(self):
        seconds = self.seconds(self.steps)
        self.milliseconds.append(1000 * seconds / self.steps)

    def median(self):
        return statistics.median(self.milliseconds)

    def end(self):
        """Ends the process, and returns what its memory was at most, in GB."""
        self.process.stdin.close()
        gigabytes = float(self.answer())
        self.process.wait()
        return gigabytes


def compare(model, networks, precision, torch_python):
    """Measures all ways of one model; returns a row for each."""
    case = (model, networks, precision)
    ways = [Way(name, *case) for name in WAYS[model]]
    ways.append(Way("PyTorch", *case, python=torch_python))
    reference = ways[0]
    if precision != "float32":
        reference = Way("fit", model, networks, "float32")
    product = Way("product", *case)
    everybody = [*dict.fromkeys([reference, *ways, product])]
    for way in everybody:
        way.prepare()
    if len({way.weights for way in ways}) > 1:
        raise RuntimeError("the networks differ in their numbers of weights")
    for turn in range(TURNS):
        # nobody comes after the same other each time
        for way in everybody[turn:] + everybody[:turn]:
            way.turn()
    matrix_rate = 2 * 2048**3 / product.median()  # operations a millisecond
    operations = float(
        subprocess.run(
            [sys.executable, HERE / "benchmark_keras.py", "operations", *case],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )
    memory = {way: way.end() for way in everybody}
    return [
        {
            "model": model,
            "networks": networks,
            "precision": precision,
            "way": way.name,
            "milliseconds": f"{way.median():.3g}",
            "times float32 fit": f"{way.median() / reference.median():.3g}",
            "share of matrix rate": f"{operations / way.median() / matrix_rate:.2f}",
            "gigabytes": f"{memory[way]:.2f}",
        }
        for way in ways
    ]


def processor():
    lines = pathlib.Path("/proc/cpuinfo")
    text = lines.read_text() if lines.exists() else ""
    names = re.findall(r"model name\s*: (.+)", text)
    name = names[0] if names else platform.processor()
    has = " with AMX" if "amx_bf16" in text else ""
    return f"{name}{has}, {os.cpu_count()} logical cores"


def main(torch_python):
    rows = []
    for case in itertools.product(WAYS, NETWORKS, PRECISIONS):
        print(", ".join(case), flush=True)
        for row in compare(*case, torch_python):
            rows.append(row)
            print("   " + ", ".join(list(row.values())[3:]), flush=True)
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# made by: make bench\n# processor: {processor()}\n")
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
