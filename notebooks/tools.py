"""Runs the chapters, and keeps the committed ones clean. The Makefile calls it.

python notebooks/tools.py run NAME [PRESET]     execute a chapter into build/, with a preset's parameters
python notebooks/tools.py table NAME ...        what the last runs took, and where they failed
python notebooks/tools.py refresh NAME ...      execute chapters in place, source cells refreshed, outputs normalised
python notebooks/tools.py results NAME ...      make the tables of chapters that measure over several seeds
"""

import ast
import base64
import csv
import hashlib
import json
import logging
import os
import pathlib
import platform
import re
import sys
import tempfile
import time
from importlib import metadata

import nbformat
import yaml

NOTEBOOKS = pathlib.Path(__file__).resolve().parent
ROOT = NOTEBOOKS.parent
BUILD = ROOT / "build"
PICTURES = ROOT / "pictures"
RESULTS = NOTEBOOKS / "results"


def execute(source, target, parameters=None):
    """Executes a notebook with papermill in a fresh kernel, in the folder notebooks/.

    The kernel talks through files in a folder of its own. With TCP ports, two kernels that start at once (make run) now
    and then take the same ones.
    """
    import papermill
    from traitlets.config import Config

    with tempfile.TemporaryDirectory() as folder:
        channels = {"transport": "ipc", "ip": f"{folder}/kernel"}
        papermill.execute_notebook(
            str(source),
            str(target),
            parameters=parameters,
            cwd=str(NOTEBOOKS),
            kernel_name="python3",
            progress_bar=False,
            log_output=True,
            config=Config({"KernelManager": channels}),
        )


def preset_parameters(preset):
    """Parameters of each chapter in a preset; none at all where no preset is named.

    Raises:
        ValueError: if there is no such preset.
    """
    if not preset:
        return {}
    path = NOTEBOOKS / "presets" / f"{preset}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise ValueError(f"unknown preset {preset!r}; expected one of {names}")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def run(name, preset=""):
    """Executes a chapter into build/, with its progress in a log, and records the seconds and the error, if any."""
    import papermill

    parameters = preset_parameters(preset).get(name, {})
    BUILD.mkdir(exist_ok=True)
    logging.basicConfig(
        filename=BUILD / f"{name}.log",
        filemode="w",
        level=logging.INFO,
        format="%(asctime)s %(message)s",
    )
    started, error = time.monotonic(), ""
    try:
        execute(
            NOTEBOOKS / f"{name}.ipynb", BUILD / f"{name}.ipynb", parameters
        )
    except papermill.PapermillExecutionError as failure:
        error = f"cell {failure.exec_count}: {failure.ename}: {failure.evalue}"
    except (
        Exception
    ) as failure:  # a dead kernel, a time-out: the other chapters still run
        error = f"{type(failure).__name__}: {failure}"
    result = {"seconds": time.monotonic() - started, "error": error}
    (BUILD / f"{name}.json").write_text(json.dumps(result), encoding="utf-8")
    print(f"{name}: {error.splitlines()[0] if error else 'ok'}", flush=True)


def table(names):
    """Prints one line a chapter and returns whether all of them ran."""
    print(f"\n{'chapter':<26}{'seconds':>8}  result")
    failed = 0
    for name in names:
        result = json.loads(
            (BUILD / f"{name}.json").read_text(encoding="utf-8")
        )
        failed += bool(result["error"])
        print(f"{name:<26}{result['seconds']:>8.0f}  {result['error'] or 'ok'}")
    print(
        f"{len(names) - failed} of {len(names)} chapters ran; see {BUILD.relative_to(ROOT)}/"
    )
    return not failed


def library_source(dotted_name):
    """Returns the source of a class or function of gan_lib, such as "gan_lib.gan.GAN"."""
    module, name = dotted_name.rsplit(".", 1)
    text = (
        (ROOT / pathlib.Path(*module.split(".")))
        .with_suffix(".py")
        .read_text(encoding="utf-8")
    )
    for node in ast.parse(text).body:
        if getattr(node, "name", None) == name:
            return ast.get_source_segment(text, node)
    raise ValueError(f"no {name!r} in {module}")


def source_tags(cell):
    """Names that the tags of a cell say its source is copied from."""
    tags = cell["metadata"].get("tags", [])
    return [
        tag.removeprefix("source:") for tag in tags if tag.startswith("source:")
    ]


def refresh_sources(notebook):
    """Writes today's gan_lib into the cells that show its source."""
    for cell in notebook.cells:
        for name in source_tags(cell):
            cell.source = library_source(name)


def normalise(notebook):
    """Removes what differs between two equal runs: times, machine metadata, split streams."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {
                "name": "python",
                "file_extension": ".py",
                "mimetype": "text/x-python",
            },
        }
    )
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        outputs = []
        for output in cell.get("outputs", []):
            previous = outputs[-1] if outputs else {}
            if (
                output.output_type == "stream"
                and previous.get("name") == output.name
            ):
                previous.text += output.text
            else:
                outputs.append(output)
        if cell.cell_type == "code":
            cell.outputs = outputs


def save_picture(notebook, name):
    """Writes the last figure of the cell that is tagged `picture` to pictures/, for the README."""
    for cell in notebook.cells:
        if "picture" in cell.metadata.get("tags", []):
            figures = [
                output.data["image/png"]
                for output in cell.outputs
                if "image/png" in output.get("data", {})
            ]
            PICTURES.mkdir(exist_ok=True)
            (PICTURES / f"{name}.png").write_bytes(
                base64.b64decode(figures[-1])
            )


def refresh(name):
    """Executes a chapter in place. The committed file changes only if every cell ran."""
    path = NOTEBOOKS / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    refresh_sources(notebook)
    with tempfile.TemporaryDirectory() as folder:
        source, target = (
            pathlib.Path(folder, "in.ipynb"),
            pathlib.Path(folder, "out.ipynb"),
        )
        nbformat.write(notebook, source)
        started = time.monotonic()
        execute(source, target)
        notebook = nbformat.read(target, as_version=4)
    normalise(notebook)
    partial = path.with_suffix(".part")
    nbformat.write(notebook, partial)
    partial.replace(path)
    save_picture(notebook, name)
    print(
        f"{name}: {time.monotonic() - started:.0f} s, {path.stat().st_size / 1000:.0f} kB"
    )


def experiment_cells(notebook):
    """Source of the cells that define a chapter's experiment: its parameters, and those tagged `experiment`."""
    wanted = {"parameters", "experiment"}
    return [
        c.source
        for c in notebook.cells
        if wanted & set(c.metadata.get("tags", []))
    ]


def library_names(tree):
    """What the imports of a piece of code call the modules of gan_lib, and what is in them: name to (module, name)."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "gan_lib"
        ):
            module = node.module.removeprefix("gan_lib").strip(".")
            for alias in node.names:
                names[alias.name] = (
                    (module, alias.name) if module else (alias.name, None)
                )
    return names


def definitions(module):
    """Top-level definitions of a module of gan_lib by name, and what its names stand for."""
    tree = ast.parse(
        (ROOT / "gan_lib" / f"{module}.py").read_text(encoding="utf-8")
    )
    found = {}
    for node in tree.body:
        targets = (
            [node] if hasattr(node, "name") else getattr(node, "targets", [])
        )
        found |= {
            getattr(t, "name", getattr(t, "id", None)): node for t in targets
        }
    return found, library_names(tree) | {name: (module, name) for name in found}


def code_hash(notebook):
    """Fingerprint of a chapter's experiment and of all that it uses of gan_lib, comments and docstrings left out."""
    cells = ast.parse("\n".join(experiment_cells(notebook)))
    names = library_names(cells)
    cells.body = [
        node
        for node in cells.body
        if not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    pieces, waiting, seen = [], [(cells, names)], set()
    while waiting:
        tree, names = waiting.pop()
        for node in ast.walk(tree):
            if isinstance(
                node, ast.FunctionDef | ast.ClassDef
            ) and ast.get_docstring(node):
                node.body = node.body[1:] or [ast.Pass()]
            module, name = None, None
            if isinstance(node, ast.Name):
                module, name = names.get(node.id, (None, None))
            elif isinstance(node, ast.Attribute) and isinstance(
                node.value, ast.Name
            ):
                module, name = (
                    names.get(node.value.id, (None, None))[0],
                    node.attr,
                )
            if module and name and (module, name) not in seen:
                seen.add((module, name))
                found, their_names = definitions(module)
                if name in found:
                    waiting.append((found[name], their_names))
        pieces.append(ast.unparse(tree))
    return hashlib.sha256("\n".join(sorted(pieces)).encode()).hexdigest()[:16]


def processor():
    """Name of this machine's processor and the number of its cores."""
    lines = pathlib.Path("/proc/cpuinfo")
    names = (
        re.findall(r"model name\s*: (.+)", lines.read_text())
        if lines.exists()
        else []
    )
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} logical cores"


def results(name):
    """Makes the table of a chapter: runs its `experiment` for each of its `results_rows`, and writes results/NAME.csv.

    Rows that the same code has measured already are kept, so that a stopped run goes on where it was.
    """
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    if not experiment_cells(notebook)[1:]:
        return
    os.chdir(NOTEBOOKS)
    chapter = {}
    for source in experiment_cells(notebook):
        exec(source, chapter)
    import keras

    packages = ("tensorflow", "keras", "numpy")
    versions = ", ".join(
        f"{package} {metadata.version(package)}" for package in packages
    )
    parameters = experiment_cells(notebook)[0].splitlines()
    values = ", ".join(line.partition("  #")[0] for line in parameters)
    head = [
        f"# made by: make results CHAPTER={name[:2]}",
        f"# code: {code_hash(notebook)}",
        f"# parameters: {values}",
        f"# versions: {versions}",
        f"# processor: {processor()}",
    ]
    path = RESULTS / f"{name}.csv"
    RESULTS.mkdir(exist_ok=True)
    done = []
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()
        if head[1] in lines:
            done = list(
                csv.DictReader(
                    line for line in lines if not line.startswith("#")
                )
            )
    for row in chapter["results_rows"]:
        key = {column: str(value) for column, value in row.items()}
        if any(key.items() <= other.items() for other in done):
            continue
        keras.backend.clear_session()
        measured = chapter["experiment"](**row)
        done.append({**key, **{k: f"{v:.5g}" for k, v in measured.items()}})
        print(", ".join(f"{k} {v}" for k, v in done[-1].items()), flush=True)
        partial = path.with_suffix(".part")
        with partial.open("w", encoding="utf-8", newline="") as file:
            file.write("\n".join(head) + "\n")
            writer = csv.DictWriter(file, list(done[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(done)
        partial.replace(path)


def main(arguments):
    os.environ.setdefault(
        "PYDEVD_DISABLE_FILE_VALIDATION", "1"
    )  # a warning of the debugger in the kernel
    match arguments:
        case ["run", name, *preset] if len(preset) < 2:
            run(name, *preset)
        case ["table", *names]:
            sys.exit(0 if table(names) else 1)
        case ["refresh", *names]:
            for name in names:
                refresh(name)
        case ["results", *names]:
            for name in names:
                results(name)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
