"""nbgrader's way from the source of an assignment to a line in grades.csv, also for submissions that fail.

Each submission starts a kernel. So what can go wrong is tried on a toy assignment, and one real one is graded.
"""

import csv
import shutil
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from test_assignments import (
    ASSIGNMENTS,
    NOTEBOOKS,
    ROOT,
    mistakes_of,
    nbgrader_of,
    points_of,
    without_solution,
)
from test_results import processes

sys.path.insert(0, str(ASSIGNMENTS))
import grading

REAL = "02_vanilla_gan"


def toy_cell(source, name, points=None, solution=False):
    about = {"grade_id": name, "schema_version": 3, "task": False}
    about |= {"grade": points is not None, "solution": solution}
    about |= {"locked": not solution}
    if points is not None:
        about["points"] = points
    return new_code_cell(source, metadata={"nbgrader": about})


def toy():
    """Two tasks, of 2 and of 3 points."""
    double = "### BEGIN SOLUTION\n{}\n### END SOLUTION"
    check = "assert {0}(2) == {1}, 'wrong for 2'\n### BEGIN HIDDEN TESTS\n"
    check += "assert {0}(5) == {2}, 'wrong for 5'\n### END HIDDEN TESTS"
    return [
        toy_cell("import math", "setup"),
        toy_cell(double.format(GOOD["task-1"]), "task-1", solution=True),
        toy_cell(check.format("double", 4, 10), "task-1-check", points=2),
        toy_cell(double.format(GOOD["task-2"]), "task-2", solution=True),
        toy_cell(check.format("triple", 6, 15), "task-2-check", points=3),
    ]


GOOD = {
    "task-1": "def double(x):\n    return 2 * x",
    "task-2": "def triple(x):\n    return 3 * x",
}
BAD = {  # first answers, and what grades.csv says of them
    "warning": (
        "import warnings\ndef double(x):\n    warnings.warn('x')\n    return 2 * x",
        "",
    ),
    "crash": (
        "import os\ndef double(x):\n    os._exit(0)",
        "the kernel died",
    ),
    "exit": (
        "import sys\ndef double(x):\n    sys.exit()",
        "task-1-check: sys.exit was called",
    ),
    "loop": (
        "def double(x):\n    while True:\n        pass",
        "task-1-check: stopped after 5 s",
    ),
    "stubborn": (
        "import time\ndef double(x):\n    while True:\n        try:\n"
        "            time.sleep(9)\n        except BaseException:\n"
        "            pass",
        "stopped: a cell ignored the end of its 5 s",
    ),
    "output": (
        "def double(x):\n    while True:\n        print('x' * 1000)",
        "task-1-check: more than 200,000 characters of output",
    ),
}


def write_source(root, name, cells):
    folder = root / "assignments" / "source" / name
    folder.mkdir(parents=True)
    kernel = {"name": "python3", "display_name": "Python 3"}
    kernel["language"] = "python"
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / f"{name}.ipynb")


def submit(root, student, assignment, answers, file=None, without=()):
    """Hands in the student version, with answers in it."""
    release = root / "build" / "release" / assignment / f"{assignment}.ipynb"
    notebook = nbformat.read(release, as_version=4)
    cells = [c for c in notebook.cells if grading.grade_id(c) not in without]
    for cell in cells:
        cell.source = answers.get(grading.grade_id(cell), cell.source)
    notebook.cells = cells
    folder = root / "submitted" / student / assignment
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / (file or f"{assignment}.ipynb"))


@pytest.fixture(scope="module")
def toy_grades(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    write_source(root, "01_toy", toy())
    grading.release(root)
    for student, (answer, _) in BAD.items():
        submit(root, student, "01_toy", {**GOOD, "task-1": answer})
    submit(root, "Good Student", "01_toy", GOOD)
    submit(root, "empty", "01_toy", {})
    submit(root, "renamed", "01_toy", GOOD, file="my work (2).ipynb")
    gone = ("setup", "task-1-check", "task-2")
    submit(root, "deleted", "01_toy", GOOD, without=gone)
    tampered = "assert True, 'always'"
    submit(root, "tampered", "01_toy", {"task-1-check": tampered})
    for student, text in {"broken": '{"cells": [', "nothing": None}.items():
        folder = root / "submitted" / student / "01_toy"
        folder.mkdir(parents=True)
        if text:
            (folder / "01_toy.ipynb").write_text(text, encoding="utf-8")
    (root / "submitted" / "astray" / "homework").mkdir(parents=True)
    (root / "submitted" / ".git" / "hooks").mkdir(parents=True)
    grading.grade(root / "submitted", root, seconds=5)
    with open(root / "build" / "grades.csv", encoding="utf-8") as file:
        return root, {row["student"]: row for row in csv.DictReader(file)}


def test_every_submission_has_a_line(toy_grades):
    root, grades = toy_grades
    students = {path.name for path in (root / "submitted").iterdir()}
    assert set(grades) == students - {".git"}


def test_good_and_empty(toy_grades):
    _, grades = toy_grades
    assert (
        grades["Good Student"]["score"],
        grades["Good Student"]["remarks"],
    ) == ("5.0", "")
    assert grades["Good Student"]["max_score"] == "5.0"
    assert grades["Good Student"]["task_1"] == "2.0"
    assert grades["empty"]["score"] == "0.0"


@pytest.mark.parametrize("student", BAD)
def test_a_bad_submission_does_not_stop_the_others(toy_grades, student):
    _, grades = toy_grades
    _, remark = BAD[student]
    assert grades[student]["remarks"].startswith(remark)
    scores = {"warning": "5.0", "crash": "0.0", "stubborn": "0.0"}
    assert grades[student]["score"] == scores.get(student, "3.0")


def test_files_that_are_not_what_they_should_be(toy_grades):
    _, grades = toy_grades
    score = {student: row["score"] for student, row in grades.items()}
    remarks = {student: row["remarks"] for student, row in grades.items()}
    assert score["renamed"] == "5.0"
    assert remarks["renamed"] == "the file was named my work (2).ipynb"
    assert score["deleted"] == "2.0"
    assert remarks["deleted"] == (
        "deleted cells were put back: setup, task-1-check, task-2"
    )
    assert score["tampered"] == score["broken"] == "0.0"
    assert remarks["broken"].startswith("the file is not a notebook")
    assert remarks["nothing"] == "no notebook in the folder"
    assert remarks["astray"] == "no assignment has the name of this folder"


def test_feedback_for_everybody(toy_grades):
    root, grades = toy_grades
    for student, row in grades.items():
        name = row["assignment"]
        page = root / "build" / "feedback" / student / name / f"{name}.html"
        text = page.read_text(encoding="utf-8")
        if student == "empty":
            assert "write your code here" in text
            assert "pre-wrap !important" in text
        if student == "crash":
            assert "the kernel died" in text


def test_portions():
    folders = list(range(300))
    found = grading.portions(folders, workers=4)
    assert [x for portion in found for x in portion] == folders
    assert {len(portion) for portion in found} == {10}
    assert grading.portions(folders[:5], workers=2) == [[i] for i in range(5)]
    assert grading.portions(folders[:5], workers=0) == [[i] for i in range(5)]
    assert grading.portions([], workers=2) == []


def test_on_a_cluster_each_submission_gets_the_same_line(
    toy_grades, tmp_path, monkeypatch
):
    def two(folders, workers):
        return [folders[:3], folders[3:]]

    monkeypatch.setattr(grading, "portions", two)
    here, grades = toy_grades
    students = ["Good Student", "crash", "empty", "renamed", "astray"]
    for student in students:
        source = here / "submitted" / student
        shutil.copytree(source, tmp_path / "submitted" / student)
    write_source(tmp_path, "01_toy", toy())
    (tmp_path / "notebooks").mkdir()
    for path in [ROOT / "notebooks/cluster.py", *ASSIGNMENTS.glob("*.py")]:
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    with processes() as (_, _, address):
        rows = grading.grade_on_cluster(
            tmp_path / "submitted", address, tmp_path, seconds=5
        )
    assert [row["student"] for row in rows] == sorted(students)
    with open(tmp_path / "build" / "grades.csv", encoding="utf-8") as file:
        found = {row["student"]: row for row in csv.DictReader(file)}
    assert found == {student: grades[student] for student in students}
    for student in set(students) - {"astray"}:
        folder = tmp_path / "build" / "feedback" / student / "01_toy"
        assert (folder / "01_toy.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """All assignments, released into a folder of their own."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ASSIGNMENTS / "source", root / "assignments" / "source")
    grading.release(root)
    return root


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_student_versions_hold_no_solutions(released, name):
    path = released / "build" / "release" / name / f"{name}.ipynb"
    student_version = nbformat.read(path, as_version=4)
    pairs = zip(NOTEBOOKS[name].cells, student_version.cells, strict=True)
    for source, cell in pairs:
        for word in ("BEGIN SOLUTION", "HIDDEN TESTS"):
            assert word not in cell.source
        if nbgrader_of(source).get("solution"):
            assert cell.source == without_solution(source.source)
        if nbgrader_of(source).get("grade"):
            assert "assert" in cell.source  # a visible check is left


def test_a_real_assignment(released):
    cells = NOTEBOOKS[REAL].cells
    solutions = {
        nbgrader_of(cell)["grade_id"]: cell.source
        for cell in cells
        if nbgrader_of(cell).get("solution")
    }
    mistakes = {m["cell"]: m for m in reversed(mistakes_of(REAL))}
    lost = [
        cell
        for cell in cells
        if nbgrader_of(cell).get("grade_id", "").removesuffix("-check")
        in mistakes
    ]
    wrong = {name: mistake["code"] for name, mistake in mistakes.items()}
    submit(released, "all-right", REAL, solutions)
    submit(released, "all-wrong", REAL, {**solutions, **wrong})
    rows = grading.grade(released / "submitted", released, seconds=120)
    score = {row["student"]: row["score"] for row in rows}
    assert {row["remarks"] for row in rows} == {""}
    assert score["all-right"] == points_of(cells)
    assert score["all-wrong"] == points_of(cells) - points_of(lost)
    feedback = released / "build" / "feedback" / "all-wrong" / REAL
    text = (feedback / f"{REAL}.html").read_text(encoding="utf-8")
    assert "AssertionError" in text


def test_a_missing_folder():
    with pytest.raises(SystemExit, match="make grade SUBMITTED=folder"):
        grading.main(["grade", "no-such-folder"])


def test_a_folder_that_would_be_removed(tmp_path):
    folder = tmp_path / "build" / "submitted"
    folder.mkdir(parents=True)
    with pytest.raises(ValueError, match="move it elsewhere"):
        grading.grade(folder, tmp_path)
    assert folder.is_dir()
