"""A chapter in a real JupyterLab: Run All, the live figure, interrupt and go on, links."""

import hashlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import browser
import nbformat
import papermill
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
PICTURES = ROOT / "build" / "screenshots"
CHAPTER = "02_vanilla_gan"
OPTIONS = [
    "--no-browser",
    "--allow-root",
    "--IdentityProvider.token=",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
]
CELLS = "[...jupyterapp.shell.currentWidget.content.model.cells]"
IDLE = "jupyterapp.shell.currentWidget.sessionContext.kernelDisplayStatus == 'idle'"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on a free port, on copies of the chapters; one has the parameters of a smoke run."""
    folder = tmp_path_factory.mktemp("lab") / "notebooks"
    shutil.copytree(NOTEBOOKS, folder)
    smoke = yaml.safe_load((NOTEBOOKS / "presets" / "smoke.yaml").read_text())
    papermill.execute_notebook(
        NOTEBOOKS / f"{CHAPTER}.ipynb",
        folder / f"{CHAPTER}.ipynb",
        parameters=smoke[CHAPTER],
        prepare_only=True,
        kernel_name="python3",
    )
    forget_outputs(folder / f"{CHAPTER}.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "lab", *OPTIONS]
    command += [f"--ServerApp.port={port}", str(folder)]
    with open(folder.parent / "log", "w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answers(f"{address}/api"), 60, "JupyterLab")
        yield address
    finally:
        server.terminate()
        server.wait(20)


def forget_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, path)


def answers(url):
    try:
        return urllib.request.urlopen(url).status == 200
    except urllib.error.URLError:
        return False


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.3)


class Notebook:
    """A notebook that is open in the browser."""

    def __init__(self, page, address, name):
        self.page, self.name = page, name
        page.goto(f"{address}/lab/tree/{name}.ipynb?reset")
        page.locator(".jp-NotebookPanel").wait_for(timeout=60_000)
        page.wait_for_function(IDLE, timeout=60_000)

    def cells(self):
        return self.page.evaluate(f"{CELLS}.map((cell) => cell.toJSON())")

    def cell(self, name):
        """One cell as a notebook file has it."""
        return self.page.evaluate(
            f"id => {CELLS}.find((cell) => cell.id == id).toJSON()", name
        )

    def execute(self, command):
        self.page.evaluate("c => jupyterapp.commands.execute(c) && 0", command)

    def run_cell(self, name):
        self.page.evaluate(
            "id => { jupyterapp.shell.currentWidget.content.activeCellIndex ="
            f" {CELLS}.findIndex((cell) => cell.id == id) }}",
            name,
        )
        self.execute("notebook:run-cell")

    def write(self, name, source):
        self.page.evaluate(
            f"([id, text]) => {CELLS}.find((cell) => cell.id == id)"
            ".sharedModel.setSource(text)",
            [name, source],
        )

    def has_run(self):
        """Whether the kernel is idle and each code cell has its number."""
        return self.page.evaluate(
            f"{IDLE} && {CELLS}.every("
            "(cell) => cell.type != 'code' || cell.executionCount)"
        )

    def wait_until_idle(self, seconds):
        self.page.wait_for_timeout(500)
        self.page.wait_for_function(IDLE, timeout=1000 * seconds)

    def picture(self, cell):
        """A fingerprint of the picture that a cell shows, if any."""
        for output in self.cell(cell)["outputs"]:
            if "image/png" in output.get("data", {}):
                picture = str(output["data"]["image/png"])
                return hashlib.sha256(picture.encode()).hexdigest()

    def save_screenshot(self, name):
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png")


@pytest.fixture(scope="module")
def notebook(lab):
    with browser.launch() as launched:
        size = {"width": 1300, "height": 900}
        page = launched.new_context(viewport=size).new_page()
        yield Notebook(page, lab, CHAPTER)


@pytest.fixture(scope="module")
def run_all(notebook):
    """Runs all cells; returns the pictures that the live cell showed one after another."""
    notebook.execute("notebook:run-all-cells")
    pictures = []

    def finished():
        seen = notebook.picture("long-run")
        if seen and seen not in pictures:
            pictures.append(seen)
        return notebook.has_run()

    wait_for(finished, 480, "all cells")
    notebook.save_screenshot("lab-run-all")
    return pictures


def outputs(notebook):
    return [
        (cell["id"], output)
        for cell in notebook.cells()
        for output in cell.get("outputs", [])
    ]


def test_run_all_runs_without_a_word_on_stderr(notebook, run_all):
    kinds = {output["output_type"] for _, output in outputs(notebook)}
    assert "error" not in kinds and "execute_result" in kinds
    loud = [
        (name, output["text"])
        for name, output in outputs(notebook)
        if output.get("name") == "stderr"
    ]
    assert loud == []


def test_the_live_figure_changes_while_it_trains(run_all):
    assert len(run_all) >= 2


def test_a_training_that_is_interrupted_can_be_run_again(notebook, run_all):
    parameters = next(
        cell["id"]
        for cell in notebook.cells()
        if "injected-parameters" in cell["metadata"].get("tags", [])
    )
    source = notebook.cell(parameters)["source"]
    source = source if isinstance(source, str) else "".join(source)
    notebook.write(parameters, "epochs = 90")
    notebook.run_cell(parameters)
    notebook.wait_until_idle(20)
    before = notebook.picture("long-run")
    notebook.run_cell("long-run")
    seen = {before}
    wait_for(
        lambda: (
            seen.add(notebook.picture("long-run")) or len(seen - {None}) > 3
        ),
        60,
        "the live figure",
    )
    notebook.execute("notebook:interrupt-kernel")
    notebook.wait_until_idle(20)
    kinds = [o.get("ename") for o in notebook.cell("long-run")["outputs"]]
    assert "KeyboardInterrupt" in kinds
    notebook.save_screenshot("lab-interrupted")
    notebook.write(parameters, "epochs = 2")
    notebook.run_cell(parameters)
    notebook.wait_until_idle(20)
    notebook.run_cell("long-run")
    notebook.wait_until_idle(120)
    kinds = [o["output_type"] for o in notebook.cell("long-run")["outputs"]]
    assert kinds == ["execute_result"]
    notebook.write(parameters, source)


@pytest.mark.parametrize("target", ["glossary.md", "01_adversarial_game.ipynb"])
def test_links_open(notebook, run_all, target):
    notebook.page.evaluate(
        "jupyterapp.shell.currentWidget.content.activeCellIndex = 0"
    )
    notebook.page.evaluate(
        f"jupyterapp.shell.activateById([...jupyterapp.shell.widgets('main')]"
        f".find((w) => w.context.path == '{CHAPTER}.ipynb').id)"
    )
    panel = notebook.page.locator(".jp-NotebookPanel:visible")
    link = panel.locator(".jp-MarkdownOutput a", has_text="lossary")
    if target.startswith("01"):
        link = panel.locator(".jp-MarkdownOutput a", has_text="Chapter 01")
    link.first.click()
    wait_for(
        lambda: (
            notebook.page.evaluate(
                "[...jupyterapp.shell.widgets('main')].map((w) => w.context?.path)"
            ).count(target)
            == 1
        ),
        20,
        target,
    )
    notebook.save_screenshot(f"lab-{target.split('.')[0]}")
