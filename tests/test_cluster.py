"""Chapters on a Dask cluster: what a worker wrote comes back."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from test_results import processes

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture
def project(tmp_path):
    """A project with two chapters: one prints where it runs, one fails."""
    folder = tmp_path / "notebooks"
    (folder / "presets").mkdir(parents=True)
    for name in ("tools.py", "cluster.py"):
        shutil.copy(ROOT / "notebooks" / name, folder)
    (folder / "presets" / "smoke.yaml").write_text("01_good: {steps: 2}")
    kernel = {"name": "python3", "display_name": "Python 3"}
    metadata = {"kernelspec": kernel | {"language": "python"}}
    parameters = new_code_cell("steps = 5", metadata={"tags": ["parameters"]})
    for name, code in {
        "01_good": "import os\nprint(steps, os.getcwd())",
        "02_bad": "1 / 0",
    }.items():
        cells = [parameters, new_code_cell(code)]
        notebook = new_notebook(cells=cells, metadata=metadata)
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return tmp_path


def run(project, address, name):
    return subprocess.run(
        [sys.executable, project / "notebooks" / "tools.py"]
        + ["run", name, "smoke"],
        env=os.environ | {"DASK_SCHEDULER_ADDRESS": address},
        capture_output=True,
        text=True,
    )


def test_chapters_run_on_workers_and_come_back(project):
    with processes() as (_, _, address):
        good = run(project, address, "01_good")
        bad = run(project, address, "02_bad")
    # before its last line, a kernel may have said that it was interrupted
    assert good.stdout.splitlines()[-1] == "01_good: ok"
    assert bad.stdout.splitlines()[-1].startswith("02_bad: cell 2: ")
    build = project / "build"
    notebook = nbformat.read(build / "01_good.ipynb", as_version=4)
    steps, place = notebook.cells[-1].outputs[0].text.split()
    assert steps == "2" and pathlib.Path(place) != project / "notebooks"
    assert not pathlib.Path(place).exists()  # nothing is left on the worker
    assert (build / "01_good.log").stat().st_size
    assert json.loads((build / "01_good.json").read_text())["error"] == ""
    error = json.loads((build / "02_bad.json").read_text())["error"]
    assert "ZeroDivisionError" in error


def test_without_a_scheduler_the_address_is_told(project):
    result = run(project, "tcp://127.0.0.1:9", "01_good")
    assert result.returncode and "tcp://127.0.0.1:9" in result.stderr
    assert not (project / "build").exists()
