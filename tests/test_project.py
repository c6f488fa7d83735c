"""The versions: pins, the package's own requirements and what the first page says of them agree."""

import pathlib
import re
import sys
import tomllib
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def pins(path=ROOT / "requirements.txt"):
    """A list of requirements, by name, without the course's own library."""
    lines = path.read_text("utf-8").splitlines()
    lines = [line.split("#")[0].strip() for line in lines]
    found = [Requirement(line) for line in lines if line and line != "-e ."]
    return {canonicalize_name(each.name): each for each in found}


def pinned_version(requirement):
    (only,) = requirement.specifier
    assert only.operator == "~=", requirement
    return only.version


def test_the_package_accepts_what_is_pinned():
    wanted = [Requirement(each) for each in PROJECT["dependencies"]]
    assert len(wanted) > 5
    for each in wanted:
        version = pinned_version(pins()[canonicalize_name(each.name)])
        assert each.specifier.contains(version), each


def test_what_was_asked_for_is_installed():
    by_setup = pathlib.Path(sys.prefix) / "requirements.txt"
    asked = pins(by_setup) if by_setup.exists() else pins()
    for name, requirement in asked.items():
        assert requirement.specifier.contains(metadata.version(name)), name


def test_the_first_page_names_the_tested_versions():
    oldest = {
        Requirement(each).name: next(iter(Requirement(each).specifier)).version
        for each in PROJECT["dependencies"]
        if Requirement(each).specifier
    }
    page = (ROOT / "book" / "start.md").read_text("utf-8")
    page = " ".join(page.split())
    for name, package in {"TensorFlow": "tensorflow", "Keras": "keras"}.items():
        newest = re.match(r"\d+\.\d+", pinned_version(pins()[package]))[0]
        tested = f"{oldest[package]} to {newest}"
        assert (
            f"{name} {newest if oldest[package] == newest else tested}" in page
        )


def test_the_first_page_names_the_versions_of_python():
    low, high = re.findall(r"3\.(\d+)", PROJECT["requires-python"])
    for page in ("README.md", "book/start.md"):
        text = (ROOT / page).read_text("utf-8")
        assert f"Python 3.{low} to 3.{int(high) - 1}" in text
