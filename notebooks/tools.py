"""Runs the chapters, and keeps the committed ones clean. The Makefile calls it.

python notebooks/tools.py run NAME [PRESET]     execute a chapter into build/, with a preset's parameters
python notebooks/tools.py table NAME ...        what the last runs took, and where they failed
python notebooks/tools.py refresh NAME ...      execute chapters in place, source cells refreshed, outputs normalised
"""

import ast
import base64
import json
import logging
import os
import pathlib
import sys
import tempfile
import textwrap
import time

import nbformat
import yaml

NOTEBOOKS = pathlib.Path(__file__).resolve().parent
ROOT = NOTEBOOKS.parent
BUILD = ROOT / "build"
PICTURES = ROOT / "pictures"


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
    """Executes a chapter into build/, with its progress in a log, and records the seconds and the error, if any.

    Where DASK_SCHEDULER_ADDRESS names a scheduler, one of its workers does it.
    """
    if address := os.environ.get("DASK_SCHEDULER_ADDRESS"):
        return run_on_worker(address, name, preset)
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


def run_on_worker(address, name, preset):
    """As `run`; what the worker wrote into its build/ comes back into ours."""
    import cluster

    arguments = ["notebooks/tools.py", "run", name, preset]
    with cluster.connect(address) as client:
        client.upload_file(cluster.__file__)  # workers import it
        archive = client.scatter(cluster.project_archive(ROOT))
        wanted = [f"build/{name}.*"]
        done = client.submit(
            cluster.run_in_project, archive, arguments, {}, wanted, pure=False
        )
        printed, files = done.result()
    cluster.write_files(ROOT, files)
    print(printed, end="", flush=True)


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
    """Returns the source of a class, function or method of gan_lib, such as
    "gan_lib.gan.GAN" or "gan_lib.gan.GAN.train_step"."""
    package, module, *names = dotted_name.split(".")
    path = ROOT / package / f"{module}.py"
    text = path.read_text(encoding="utf-8")
    node = ast.parse(text)
    for name in names:
        inside = {getattr(n, "name", None): n for n in node.body}
        if name not in inside:
            raise ValueError(f"no {dotted_name!r} in {path.name}")
        node = inside[name]
    source = ast.get_source_segment(text, node, padded=True)
    return textwrap.dedent(source)


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
    """Removes what differs between two equal runs: times, split streams.

    Of the metadata, tags stay, and that a cell's source is folded.
    """
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
        kept = {"tags": cell.metadata.get("tags", [])}
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            kept["jupyter"] = {"source_hidden": True}
        cell.metadata = nbformat.from_dict({k: v for k, v in kept.items() if v})
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
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
