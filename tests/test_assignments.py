"""The assignments: their form, and the marks of solutions, of the student version, and of typical mistakes.

The cells run in this process: those that are given once, then one task at a time. test_grading.py goes the whole way,
with nbgrader and a kernel for each submission.
"""

import ast
import pathlib
import re
import sys

import nbformat
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
ASSIGNMENTS = ROOT / "assignments"
SOURCES = sorted((ASSIGNMENTS / "source").glob("*/*.ipynb"))
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in SOURCES}
STUB = 'raise NotImplementedError("write your code here")'
ALLOWED = {"gan_lib", "numpy", "tensorflow", "keras", "matplotlib"}

assignments = pytest.mark.parametrize("name", NOTEBOOKS)


def mistakes_of(name):
    path = ASSIGNMENTS / "mistakes" / f"{name}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


MISTAKES = [
    pytest.param(name, mistake, id=f"{name}: {mistake['why']}")
    for name in NOTEBOOKS
    for mistake in mistakes_of(name)
]


def nbgrader_of(cell):
    return cell.metadata.get("nbgrader", {})


def sections(notebook):
    """The cells before the first task, and a list of the cells of each task."""
    parts = [[]]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for text in re.split(r"^(?=## Task )", cell.source, flags=re.M):
                if text.startswith("## Task "):
                    parts.append([])
                parts[-1].append(nbformat.v4.new_markdown_cell(text))
        else:
            parts[-1].append(cell)
    return parts[0], parts[1:]


def text_of(cells):
    return "\n".join(c.source for c in cells if c.cell_type == "markdown")


def points_of(cells):
    return sum(nbgrader_of(cell).get("points", 0) for cell in cells)


@pytest.fixture(scope="session")
def namespace_of():
    """The names that the locked cells of a notebook define. They run once, without any answer."""
    kept = {}

    def names(name):
        if name not in kept:
            kept[name] = {"__name__": "__main__"}
            for cell in NOTEBOOKS[name].cells:
                if is_given(cell):
                    exec(cell.source, kept[name])
        return dict(kept[name])

    return names


def is_given(cell):
    about = nbgrader_of(cell)
    return about.get("locked") and not about["grade"]


def without_solution(source):
    """As nbgrader's ClearSolutions makes it, which test_grading.py tries."""
    return re.sub(
        r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION$",
        rf"\1{STUB}",
        source,
        flags=re.M | re.S,
    )


def marks(cells, names, answer):
    """Runs answers and checks of a task. `answer` takes a solution cell and returns the source to run instead.

    Returns the points, and what the checks said.
    """
    points, said = 0, []
    for cell in cells:
        if cell.cell_type != "code" or is_given(cell):
            continue
        about = nbgrader_of(cell)
        source = answer(cell) if about.get("solution") else cell.source
        try:
            exec(compile(source, cell.id, "exec"), names)
        except Exception as error:
            if about.get("grade"):
                said.append(f"{type(error).__name__}: {error}")
        else:
            points += about.get("points", 0)
    return points, said


@assignments
def test_form(name):
    notebook = NOTEBOOKS[name]
    nbformat.validate(notebook)
    first, tasks = sections(notebook)
    assert 3 <= len(tasks) <= 5
    rows = re.findall(
        r"^\| (\d) \| .+? \| (\d+) \| (easy|medium|hard) \| (\d+) \|$",
        text_of(first),
        re.M,
    )
    assert len(rows) == len(tasks)
    for (number, minutes, difficulty, points), task in zip(
        rows, tasks, strict=True
    ):
        text = text_of(task)
        assert text.startswith(f"## Task {number}: ")
        assert f"*{minutes} minutes, {difficulty}, {points} points. " in text
        assert "<details><summary>Hint" in text
        assert points_of(task) == int(points)
        for cell in task:
            if nbgrader_of(cell):
                part = rf"task-{number}[a-h]?(-check|-\w+)?"
                assert re.fullmatch(part, nbgrader_of(cell)["grade_id"])


@assignments
def test_cells(name):
    previous = None
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type != "code":
            continue
        about = nbgrader_of(cell)
        assert not cell.outputs and cell.execution_count is None
        long = [line for line in cell.source.splitlines() if len(line) > 80]
        assert not long, (cell.id, long)
        if about.get("grade"):
            # the check comes right after what it checks, and says something
            solved = about["grade_id"].removesuffix("-check")
            assert nbgrader_of(previous)["grade_id"] == solved
            assert nbgrader_of(previous)["solution"]
            asserts = [
                node
                for node in ast.walk(ast.parse(cell.source))
                if isinstance(node, ast.Assert)
            ]
            assert asserts and all(node.msg for node in asserts), cell.id
        elif not about.get("solution"):
            assert about.get("locked"), "a cell that students could lose"
        previous = cell


@assignments
def test_needs_only_the_standard_packages(name):
    """The visible checks run as plain cells where there is no nbgrader."""
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type != "code":
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                used = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                used = {node.module}
            else:
                continue
            used = {module.partition(".")[0] for module in used}
            assert used <= ALLOWED | sys.stdlib_module_names, cell.id


@assignments
def test_solutions_get_full_marks(name, namespace_of):
    for task in sections(NOTEBOOKS[name])[1]:
        points, said = marks(task, namespace_of(name), lambda cell: cell.source)
        assert (points, said) == (points_of(task), [])


@assignments
def test_the_student_version_gets_nothing(name, namespace_of):
    for task in sections(NOTEBOOKS[name])[1]:
        points, _ = marks(
            task, namespace_of(name), lambda cell: without_solution(cell.source)
        )
        assert points == 0


@pytest.mark.parametrize("name, mistake", MISTAKES)
def test_mistakes_get_no_marks_but_help(name, mistake, namespace_of):
    def answer(cell):
        wrong = nbgrader_of(cell)["grade_id"] == mistake["cell"]
        return mistake["code"] if wrong else cell.source

    ((task, end),) = [
        (task, place)
        for task in sections(NOTEBOOKS[name])[1]
        for place, cell in enumerate(task)
        if nbgrader_of(cell).get("grade_id") == f"{mistake['cell']}-check"
    ]
    ids = [nbgrader_of(cell).get("grade_id") for cell in task]
    before = [
        cell
        for cell in task[:end]
        if f"{nbgrader_of(cell).get('grade_id')}-check" in ids
    ]
    points, said = marks([*before, task[end]], namespace_of(name), answer)
    assert points == 0
    assert mistake["says"] in re.sub(r"\s+", " ", said[0])
    assert said[0].startswith("AssertionError")


@assignments
def test_each_task_has_a_mistake(name):
    for task in sections(NOTEBOOKS[name])[1]:
        ids = [nbgrader_of(cell).get("grade_id") for cell in task]
        assert any(mistake["cell"] in ids for mistake in mistakes_of(name))
