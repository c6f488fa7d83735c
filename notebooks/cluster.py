"""Runs the course's programs on the workers of a Dask cluster: chapters (make run) and submissions (make grade).

The workers need the same minor version of Python and the packages of requirements.txt. The project is sent to them.
(Rows of tables go another way, since many are shorter than the start of a program: see results.py.)
"""

import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

from distributed import Client, get_worker

SENT = [
    "gan_lib/*.py",
    "data/*.npz",
    "data/*.keras",
    "notebooks/*",
    "notebooks/results/*",
    "notebooks/presets/*",
    "assignments/*",
    "assignments/source/*/*.ipynb",
]


def connect(address):
    """A client of the scheduler at an address.

    Raises:
        ConnectionError: if none answers within some seconds.
    """
    try:
        return Client(address, timeout=5)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"no scheduler answers at {address}: {error}"
        ) from error


def project_archive(root, patterns=SENT):
    """Files of the project in a folder, as a zip file's bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for pattern in patterns:
            for path in sorted(root.glob(pattern)):
                if path.is_file():
                    archive.write(path, path.relative_to(root))
    return stream.getvalue()


def run_in_project(archive, arguments, files, wanted, variables=()):
    """Runs a program of the project on a worker, in a copy of the project that is removed afterwards.

    Args:
        archive: the project, of `project_archive`.
        arguments: of Python, such as `["notebooks/tools.py", "run", "02"]`.
        files: dict of path to bytes, written before.
        wanted: patterns of the files that come back.
        variables: dict of environment variables.

    Returns:
        what the program printed, and a dict of path to bytes.
    """
    folder = pathlib.Path(tempfile.mkdtemp(dir=get_worker().local_directory))
    try:
        zipfile.ZipFile(io.BytesIO(archive)).extractall(folder)
        for path, content in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        variables = os.environ | dict(variables) | {"PYTHONPATH": str(folder)}
        variables.pop("DASK_SCHEDULER_ADDRESS", None)  # it runs here
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        found = {
            str(path.relative_to(folder)): path.read_bytes()
            for pattern in wanted
            for path in folder.glob(pattern)
            if path.is_file()
        }
        return done.stdout, found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_files(root, files):
    """Writes what came back into the project in a folder."""
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
