"""Tables over many seeds: rows on a cluster, written one by one, continued."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import nbformat
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "notebooks"))
import code_hash  # noqa: E402
import results  # noqa: E402

DISTANCES = """
from gan_lib import metrics


def results_rows(table):
    return [{"kind": kind, "seed": seed} for kind in "ab" for seed in range(2)]


def experiment(kind, seed):
    first, second = [[seed], [1]], [[0], [epochs]]
    return {"distance": metrics.frechet_distance(first, second)}
"""


def notebook(experiment, parameters="epochs = 2  # few"):
    made = nbformat.v4.new_notebook()
    for tag, source in [("parameters", parameters), ("experiment", experiment)]:
        made.cells.append(nbformat.v4.new_code_cell(source))
        made.cells[-1].metadata["tags"] = [tag]
    made.cells.append(nbformat.v4.new_code_cell("print('no part of it')"))
    return made


@contextlib.contextmanager
def cluster_of(workers):
    with results.LocalCluster(workers, threads_per_worker=1) as cluster:
        client = results.connect(cluster.scheduler_address)
        yield client
        client.close()


@pytest.fixture(scope="module")
def client():
    with cluster_of(2) as client:
        yield client


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """Writes chapter 07 into a folder of its own and returns its table."""
    monkeypatch.setattr(results, "CHAPTERS", tmp_path)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")

    def write(*cells):
        nbformat.write(notebook(*cells), tmp_path / "07_any.ipynb")
        return tmp_path / "results" / "07_any.csv"

    return write


def lines_of(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_rows_are_measured_in_their_order_and_continued(
    client, chapter, capsys
):
    path = chapter(DISTANCES)
    assert results.make_table("07_any", client) == 0
    text = path.read_text(encoding="utf-8")
    for line in ("made by: make results CHAPTER=07", "parameters: epochs = 2"):
        assert f"# {line}\n" in text
    assert "# threads: 1 a row\n" in text
    # Frechet distance of N(a, s) and N(b, t) on one axis:
    # (a - b)^2 + (sqrt s - sqrt t)^2
    exact = [(0.5 - 1) ** 2 + 0.5, 0 + 2]
    lines = lines_of(path)
    assert lines[0] == "kind,seed,distance"
    assert [line[:3] for line in lines[1:]] == ["a,0", "a,1", "b,0", "b,1"]
    measured = [float(line.split(",")[2]) for line in lines[1:]]
    assert measured == pytest.approx(2 * exact, rel=1e-4)
    assert "4 done, 0 running, 0 failed, 0 left" in capsys.readouterr().out

    stopped = text.replace(lines[2], "a,1,77").replace(lines[4] + "\n", "")
    path.write_text(stopped, encoding="utf-8")  # b,1 is missing
    assert results.make_table("07_any", client) == 0
    assert lines_of(path) == [*lines[:2], "a,1,77", *lines[3:]]
    assert "1 done, 0 running, 0 failed, 0 left" in capsys.readouterr().out
    assert not list(path.parent.glob("*.part"))


def test_rows_of_other_code_are_kept_where_one_of_each_kind_holds(
    client, chapter, capsys
):
    path = chapter(DISTANCES)
    results.make_table("07_any", client)
    text = path.read_text(encoding="utf-8")
    now = re.search("# code: .*\n", text)[0]
    first = next(line for line in lines_of(path) if line[:3] == "a,0")

    other = text.replace(now, "# code: 0\n").replace("b,1,2", "b,1,77")
    path.write_text(other, encoding="utf-8")
    results.make_table("07_any", client)
    assert path.read_text(encoding="utf-8") == other.replace("# code: 0\n", now)
    assert "2 rows are measured again" in capsys.readouterr().out

    other = other.replace(first, "a,0,9")  # the first of its kind
    path.write_text(other, encoding="utf-8")
    results.make_table("07_any", client)
    assert path.read_text(encoding="utf-8") == text
    assert "all rows are measured anew" in capsys.readouterr().out

    chapter(DISTANCES, "epochs = 3  # other parameters: nothing is kept")
    results.make_table("07_any", client)
    assert lines_of(path)[1] == "a,0,3"  # 1 + (sqrt .5 - sqrt 4.5)^2


SEARCH = """
def results_rows(table):
    search = [{"stage": "search", "x": x} for x in range(4)]
    if len(table) < len(search):
        return search
    best = int(table.x[table.height[:4].idxmax()])
    return search + [{"stage": "final", "x": best + i} for i in (10, 20)]


def experiment(stage, x):
    return {"height": -((x - 2) ** 2)}
"""


def test_rows_may_follow_from_a_search(client, chapter):
    path = chapter(SEARCH)
    assert results.make_table("07_any", client) == 0
    assert lines_of(path)[1:] == [
        *(f"search,{x},{-((x - 2) ** 2)}" for x in range(4)),
        "final,12,-100",
        "final,22,-400",
    ]


UNEQUAL = """
def results_rows(table):
    return [{"stage": stage, "x": x} for stage in ("a", "b") for x in (1, 2)]


def experiment(stage, x):
    return {"height": x} | ({"width": 2 * x} if stage == "b" else {})
"""


def test_rows_that_measure_less_than_others_are_kept(client, chapter, capsys):
    path = chapter(UNEQUAL)
    results.make_table("07_any", client)
    text = path.read_text(encoding="utf-8")
    assert lines_of(path)[1:] == ["a,1,1,", "a,2,2,", "b,1,1,2", "b,2,2,4"]
    now = re.search("# code: .*\n", text)[0]
    # the second of its kind, which would be mended if all were measured anew
    other = text.replace(now, "# code: 0\n").replace("a,2,2,", "a,2,77,")
    path.write_text(other, encoding="utf-8")
    assert results.make_table("07_any", client) == 0
    assert "a,2,77," in lines_of(path)
    assert "anew" not in capsys.readouterr().out


def test_arrays_stand_beside_the_table_and_go_with_their_row(client, chapter):
    path = chapter(
        """
import numpy as np

def results_rows(table):
    return [{"kind": "a", "seed": seed} for seed in range(seeds)]

def experiment(kind, seed):
    images = np.full((2, 3), seed, "uint8")
    return {"distance": np.float32(seed), "images": images}
""",
        "seeds = 2  # few",
    )
    assert results.make_table("07_any", client) == 0
    assert lines_of(path) == ["kind,seed,distance", "a,0,0", "a,1,1"]
    stored = dict(np.load(path.with_suffix(".npz")))
    assert list(stored) == [f"kind a, seed {seed}: images" for seed in (0, 1)]
    for seed, images in enumerate(stored.values()):
        assert images.dtype == "uint8"
        np.testing.assert_array_equal(images, [[seed] * 3] * 2)

    source = path.parent.parent / "07_any.ipynb"
    text = source.read_text(encoding="utf-8").replace("seeds = 2", "seeds = 1")
    source.write_text(text, encoding="utf-8")
    assert results.make_table("07_any", client) == 0
    assert list(np.load(path.with_suffix(".npz"))) == ["kind a, seed 0: images"]


FAILING = """
def results_rows(table):
    return [{"seed": seed} for seed in range(4)]


def experiment(seed):
    print({"seed": seed})  # no answer, though it begins as one
    return {"value": 1 / (seed - 1)}
"""


def test_a_failing_row_is_reported_and_the_others_go_on(
    client, chapter, capsys
):
    path = chapter(FAILING)
    assert results.make_table("07_any", client) == 1
    assert lines_of(path)[1:] == ["0,-1", "2,1", "3,0.5"]
    printed = capsys.readouterr().out
    assert "FAILED seed 1: ZeroDivisionError: division by zero" in printed
    assert "3 done, 0 running, 1 failed, 0 left" in printed

    before = path.read_text(encoding="utf-8")
    older = before.replace("# code: ", "# code: 0").replace("0,-1", "1,-1")
    path.write_text(older, encoding="utf-8")
    assert results.make_table("07_any", client) == 1  # the row of its kind
    assert path.read_text(encoding="utf-8") == older  # nothing is lost


ODD = """
import numpy as np


def results_rows(table):
    return [{"name": "a, b", "x": x} for x in np.arange(2)]


def experiment(name, x):
    return {"x": 5} if x else {"y": 5}
"""


def test_numpy_values_are_rows_and_a_name_is_measured_once(
    client, chapter, capsys
):
    path = chapter(ODD)
    assert results.make_table("07_any", client) == 1
    assert lines_of(path) == ["name,x,y", '"a, b",0,5']
    assert "ValueError: the experiment measures x" in capsys.readouterr().out


LONG = """
import keras
import numpy as np


def results_rows(table):
    return [{"name": "long"}]


def experiment(name, callbacks):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    wait = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: sleep(0.3))
    data = np.ones((4, 1))
    model.fit(data, data, epochs=8, verbose=0, callbacks=[*callbacks, wait])
    return {"epochs": 8}


from time import sleep
"""


def test_a_long_row_says_how_far_it_is(client, chapter, capsys, monkeypatch):
    monkeypatch.setattr(results, "LOOK_EVERY", 0.4)
    chapter(LONG)
    assert results.make_table("07_any", client) == 0
    shares = re.findall(r"  name long: (\d+)%", capsys.readouterr().out)
    shares = [int(share) for share in shares]
    assert shares == sorted(shares) and 0 < shares[0] < shares[-1] <= 100


CONVOLUTIONS = """
from gan_lib import networks
from gan_lib.wgan_gp import WGANGP

import hashlib

import keras
import numpy as np


def results_rows(table):
    return [{"seed": seed} for seed in range(4)]


def experiment(seed):
    keras.utils.set_random_seed(seed)
    generator = networks.convolutional_generator(filters=4)
    critic = networks.convolutional_discriminator(filters=4, dropout=0.0)
    model = WGANGP(generator, critic, critic_steps=1, seed=seed)
    model.compile("adam", "adam")
    images = np.random.default_rng(seed).uniform(-1, 1, (64, 28, 28, 1))
    model.fit(images, shuffle=False, verbose=0)
    bits = hashlib.sha256(model.sample(10, seed=0).tobytes()).digest()
    return {"bits": int.from_bytes(bits[:2])}
"""


def test_rows_do_not_depend_on_the_number_of_workers(chapter):
    texts = set()
    for workers in (1, 2, 4):
        path = chapter(CONVOLUTIONS)
        with cluster_of(workers) as client:
            assert results.make_table("07_any", client) == 0
        texts.add(path.read_text(encoding="utf-8"))
        path.unlink()
    assert len(texts) == 1
    assert len(set(re.findall(r"^\d,(\d+)$", *texts, re.MULTILINE))) == 4


SLOW = """
from time import sleep


def results_rows(table):
    return [{"seed": seed} for seed in range(8)]


def experiment(seed):
    sleep(0.5)
    return {"double": 2 * seed}
"""


def start(program, *arguments):
    """A process of Dask's on the loopback."""
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{program}", *arguments],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


@pytest.fixture
def project(tmp_path):
    """The command of `make results` in a project with chapter 07 alone."""
    (tmp_path / "notebooks").mkdir()
    for name in (
        "results.py",
        "cluster.py",
        "code_hash.py",
        "measure_row.py",
    ):
        text = (ROOT / "notebooks" / name).read_bytes()
        (tmp_path / "notebooks" / name).write_bytes(text)
    for name in ("gan_lib", "data"):
        (tmp_path / name).symlink_to(ROOT / name)

    def run(experiment, address):
        path = tmp_path / "notebooks" / "07_any.ipynb"
        nbformat.write(notebook(experiment), path)
        command = [sys.executable, tmp_path / "notebooks" / "results.py"]
        process = subprocess.Popen(
            [*command, "07_any"],
            env=os.environ | {"DASK_SCHEDULER_ADDRESS": address},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return process, path.parent / "results" / "07_any.csv"

    return run


@contextlib.contextmanager
def processes():
    """A scheduler and two workers, and the scheduler's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address, local = f"tcp://127.0.0.1:{port}", ["--host", "127.0.0.1"]
    local.append("--no-dashboard")
    options = ["--nthreads", "1", "--no-nanny", *local]
    scheduler = start("dask_scheduler", "--port", port, *local)
    while True:  # until it listens
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", int(port))),
        ):
            break
        time.sleep(0.1)
    workers = [start("dask_worker", address, *options) for _ in range(2)]
    try:
        yield scheduler, workers, address
    finally:
        for each in [*workers, scheduler]:
            each.kill()
            each.communicate()


def until_a_row_is_there(process, path):
    while process.poll() is None and not path.exists():
        time.sleep(0.05)
    rows = len(lines_of(path)) - 1
    assert 1 <= rows < 8  # each is written when it is done


def test_a_killed_worker_of_another_scheduler_loses_no_row(project):
    with processes() as (_, workers, address):
        process, path = project(SLOW, address)
        until_a_row_is_there(process, path)
        os.kill(workers[0].pid, signal.SIGKILL)
        printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    assert "8 done, 0 running, 0 failed, 0 left" in printed
    assert lines_of(path)[1:] == [f"{seed},{2 * seed}" for seed in range(8)]


def test_a_lost_scheduler_is_told_and_leaves_the_rows(project):
    with processes() as (scheduler, _, address):
        process, path = project(SLOW, address)
        until_a_row_is_there(process, path)
        os.kill(scheduler.pid, signal.SIGKILL)
        printed, _ = process.communicate(timeout=300)
    assert process.returncode == 1, printed
    assert "the scheduler is gone; run again to go on" in printed
    assert lines_of(path)[0] == "seed,double" and len(lines_of(path)) > 1


def test_the_command_runs_on_its_own_cluster_and_its_exit_code_tells(project):
    process, path = project(FAILING, "")
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "1 rows failed; run again to measure them" in printed
    assert re.search(r"\d+ workers; see http://127.0.0.1:\d+", printed)
    assert lines_of(path)[1:] == ["0,-1", "2,1", "3,0.5"]


def test_a_full_disk_leaves_the_rows_before(chapter):
    path = chapter(DISTANCES)
    table = results.Table(path, ["# head"])
    table.rows["row"] = {"seed": "0", "value": "1"}
    table.write()
    before = path.read_bytes()
    path.with_suffix(".part").symlink_to("/dev/full")
    table.rows["more"] = {"seed": "1", "value": "2"}
    with pytest.raises(OSError, match="No space left on device"):
        table.write()
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["07_any.csv"]
    table.write()
    assert lines_of(path)[1:] == ["0,1", "1,2"]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense"])
def test_a_wrong_address_is_told_within_seconds(project, address):
    process, path = project(SLOW, address)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and not path.exists()
    assert f"no scheduler answers at {address}: " in printed
    assert "Traceback" not in printed


def test_the_hash_of_code_follows_code_and_not_its_words(tmp_path, monkeypatch):
    before = code_hash.code_hash(notebook(DISTANCES))

    def changed(*cells):
        return code_hash.code_hash(notebook(*cells)) != before

    assert not changed(DISTANCES, "epochs = 2  # other words")
    assert not changed(DISTANCES.replace("def exp", "# why\ndef exp"))
    assert changed(DISTANCES, "epochs = 3  # few")
    assert changed(DISTANCES.replace("range(2)", "range(3)"))

    for path in (ROOT / "gan_lib").glob("*.py"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(code_hash, "GAN_LIB", tmp_path)
    module = tmp_path / "metrics.py"
    text = module.read_text(encoding="utf-8")
    for old, new, differs in [
        ("    Heusel et al.", "    By Heusel et al.", False),
        ("np.linalg.eigh(", "np.linalg.eig(", True),
    ]:
        module.write_text(text.replace(old, new), encoding="utf-8")
        assert changed(DISTANCES) == differs, new
    module.write_text(text, encoding="utf-8")
    (tmp_path / "plots.py").write_text("1 / 0", encoding="utf-8")
    assert not changed(DISTANCES)  # pictures are no part of a table
