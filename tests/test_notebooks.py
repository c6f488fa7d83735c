"""The committed chapters: anatomy, order, cleanliness, source cells, claims and presets."""

import json
import pathlib
import re
import sys

import nbformat
import numpy as np
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
CHAPTERS = sorted(NOTEBOOKS.glob("*.ipynb"))
CLAIMS = yaml.safe_load((NOTEBOOKS / "claims.yaml").read_text(encoding="utf-8"))
PRESETS = sorted((NOTEBOOKS / "presets").glob("*.yaml"))

sys.path.insert(0, str(NOTEBOOKS))
import code_hash  # noqa: E402
import tools  # noqa: E402

chapters = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def tagged(notebook, prefix):
    return [
        (tag.removeprefix(prefix), cell)
        for cell in notebook.cells
        for tag in cell.metadata.get("tags", [])
        if tag.startswith(prefix)
    ]


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_chapters():
    assert CHAPTERS
    assert len({path.stem[:2] for path in CHAPTERS}) == len(CHAPTERS)


@chapters
def test_anatomy(path):
    notebook = read(path)
    nbformat.validate(notebook)
    text = "\n".join(
        cell.source for cell in notebook.cells if cell.cell_type == "markdown"
    )
    assert notebook.cells[0].source.startswith(f"# {path.stem[:2]} ")
    wanted = [
        "**You will learn**",
        "**Before you start**",
        "## Summary",
        "## Exercises",
        "## References",
    ]
    places = [text.find(part) for part in wanted]
    assert -1 not in places and places == sorted(places), dict(
        zip(wanted, places, strict=True)
    )
    exercises = re.findall(
        r"^\d+\. ", text[places[3] : places[4]], re.MULTILINE
    )
    assert 3 <= len(exercises) <= 5


@chapters
def test_lines_of_code_fit_a_notebook(path):
    for cell in code_cells(read(path)):
        long = [line for line in cell.source.splitlines() if len(line) > 80]
        assert not long, (cell.id, long)


@chapters
def test_parameters_each_have_a_reason(path):
    ((_, cell),) = tagged(read(path), "parameters")
    lines = cell.source.splitlines()
    assert 1 <= len(lines) <= 11
    assert all(re.fullmatch(r"\w+ = [^#]+ # \S.+", line) for line in lines)


@chapters
def test_run_in_order_and_clean(path):
    notebook = read(path)
    assert [cell.execution_count for cell in code_cells(notebook)] == list(
        range(1, len(code_cells(notebook)) + 1)
    )
    assert path.stat().st_size <= 3_000_000
    for cell in code_cells(notebook):
        assert cell.source.strip()
        assert set(cell.metadata) <= {"tags", "jupyter"}, cell.metadata
        for output in cell.outputs:
            assert (
                output.output_type != "error" and output.get("name") != "stderr"
            ), output
            for kind, content in output.get("data", {}).items():
                if kind.startswith("image/"):
                    assert len(content) * 3 / 4 <= 100_000, (
                        cell.source[:80],
                        len(content),
                    )
            stored = json.dumps(
                {
                    **output,
                    "data": {
                        k: v
                        for k, v in output.get("data", {}).items()
                        if "text" in k
                    },
                }
            )
            assert not re.search(
                r"/(root|home|tmp|work|Users)/\w", stored.split("base64,")[0]
            ), cell.source[:80]


@chapters
def test_source_cells_show_the_library_of_today(path):
    for cell in read(path).cells:
        for name in tools.source_tags(cell):
            assert cell.source == tools.library_source(name), (
                f"{name} has changed: make notebooks CHAPTER={path.stem[:2]}"
            )


@chapters
def test_other_chapters_are_linked(path):
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#]+)\)", cell.source):
                assert (
                    target.startswith("https:")
                    or (NOTEBOOKS / target).is_file()
                ), target
            named = r"(?:(?<!\[)\b[Cc]hapters?|\),|\) and|\) to|\) or) (0\d)"  # also in a list, after a link
            for number in re.findall(named, cell.source):
                assert number == path.stem[:2], (
                    f"{path.stem}: chapter {number} without a link"
                )


def test_every_file_that_a_page_names_is_there():
    for page in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "data" / "README.md",
        NOTEBOOKS / "glossary.md",
    ]:
        text = page.read_text(encoding="utf-8")
        targets = re.findall(r"\]\(([^)#]+)\)", text)
        assert targets
        for target in targets:
            assert (
                target.startswith("https:") or (page.parent / target).is_file()
            ), (page, target)


def glossary_rows(heading, columns):
    """The rows of a table of the glossary, each a list of its cells."""
    text = (NOTEBOOKS / "glossary.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
    ]
    assert rows[0] == columns and set("".join(rows[1])) == {"-"}
    assert all(len(row) == len(columns) for row in rows)
    return rows[2:]


def test_each_term_of_the_glossary_has_its_row():
    rows = glossary_rows(
        "Terms", ["term", "한국어", "also called", "meaning", "chapter"]
    )
    names = [re.sub(r"[^a-z0-9]+", " ", row[0].lower()).strip() for row in rows]
    assert names == sorted(set(names))
    for term, korean, _, meaning, chapter in rows:
        assert re.search("[가-힣]", korean), term
        assert meaning and re.match(r"\[\d\d\]\(", chapter), term


def test_symptoms_lead_to_sections_that_exist():
    rows = glossary_rows(
        "From symptom to section", ["what you see", "what it may be", "where"]
    )
    assert len(rows) >= 12
    one = (
        r"\[(\d\d)\]\((\1_\w+\.ipynb)\), (sections? \d+(?:, \d+)*(?: and \d+)?)"
    )
    for seen, cause, where in rows:
        assert seen and cause
        for place in where.split("; "):
            found = re.fullmatch(one, place)
            assert found, place
            headings = "\n".join(
                cell.source
                for cell in read(NOTEBOOKS / found[2]).cells
                if cell.cell_type == "markdown"
            )
            numbers = re.findall(r"\d+", found[3])
            assert found[3].startswith("sections ") == (len(numbers) > 1)
            for number in numbers:
                assert re.search(rf"^## {number}\. ", headings, re.MULTILINE), (
                    f"{seen}: {found[2]} has no section {number}"
                )


@chapters
def test_claims_are_tagged(path):
    shown = {claim for claim, _ in tagged(read(path), "claim:")}
    wanted = {
        claim
        for claim, entry in CLAIMS.items()
        if entry["chapter"] == path.stem
    }
    assert wanted, f"no claims of {path.stem} in claims.yaml"
    assert shown == wanted
    assert all(cell.outputs for _, cell in tagged(read(path), "claim:")), (
        "a claim is shown by an output"
    )


def test_claims_are_complete_sentences():
    assert list(CLAIMS) == sorted(CLAIMS)
    for claim, entry in CLAIMS.items():
        assert re.fullmatch(r"C\d\d", claim) and set(entry) == {
            "chapter",
            "claim",
        }
        assert entry["claim"][0].isupper() and entry["claim"].endswith(".")


@chapters
def test_some_outputs_are_compared(path):
    compared = [cell for tag, cell in tagged(read(path), "nbval-check-output")]
    assert len(compared) >= 3 and all(cell.outputs for cell in compared)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_presets_name_parameters_of_their_chapters(preset):
    parameters = tools.preset_parameters(preset.stem)
    assert set(parameters) == {path.stem for path in CHAPTERS}
    for name, values in parameters.items():
        ((_, cell),) = tagged(read(NOTEBOOKS / f"{name}.ipynb"), "parameters")
        assert set(values) <= set(
            re.findall(r"^(\w+) =", cell.source, re.MULTILINE)
        ), name


def test_unknown_preset_lists_the_right_ones():
    with pytest.raises(ValueError, match="'tiny'.*full, smoke"):
        tools.preset_parameters("tiny")


def new_notebook(*sources):
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources]
    )


def test_a_failing_chapter_is_reported_and_the_others_still_run(
    tmp_path, monkeypatch, capsys
):
    for folder in ("NOTEBOOKS", "BUILD"):
        monkeypatch.setattr(tools, folder, tmp_path)
    monkeypatch.setattr(tools, "ROOT", tmp_path.parent)

    nbformat.write(new_notebook("1 + 1", "1 / 0"), tmp_path / "01_bad.ipynb")
    nbformat.write(new_notebook("1 + 1"), tmp_path / "02_good.ipynb")
    for name in ("01_bad", "02_good"):
        tools.run(name)
    assert not tools.table(["01_bad", "02_good"])
    printed = capsys.readouterr().out
    assert re.search(
        r"01_bad +\d+  cell 2: ZeroDivisionError: division by zero", printed
    )
    assert (
        re.search(r"02_good +\d+  ok", printed)
        and "1 of 2 chapters ran" in printed
    )
    assert tools.table(["02_good"])


def test_kernels_take_no_ports_and_share_no_files(tmp_path):
    cell = "parent = get_ipython().kernel.parent; print(parent.transport, parent.ip)"
    nbformat.write(new_notebook(cell), tmp_path / "in.ipynb")
    places = set()
    for _ in range(2):
        tools.execute(tmp_path / "in.ipynb", tmp_path / "out.ipynb")
        transport, place = (
            read(tmp_path / "out.ipynb").cells[0].outputs[0].text.split()
        )
        assert transport == "ipc"
        places.add(pathlib.Path(place))
    assert len(places) == 2 and all(place.is_absolute() for place in places)


@chapters
def test_tables_over_seeds_are_of_todays_code(path):
    notebook = read(path)
    table = NOTEBOOKS / "results" / f"{path.stem}.csv"
    assert table.exists() == bool(code_hash.experiment_cells(notebook)[1:])
    if table.exists():
        head = [
            line
            for line in table.read_text(encoding="utf-8").splitlines()
            if line[0] == "#"
        ]
        assert f"# code: {code_hash.code_hash(notebook)}" in head, (
            f"the table's code has changed: make results CHAPTER={path.stem[:2]}"
        )
        for what in ("parameters", "versions", "processor", "threads"):
            assert any(re.fullmatch(f"# {what}: .+", line) for line in head)


def test_the_clinic_is_of_todays_code():
    stored = np.load(NOTEBOOKS / "results" / "04_clinic.npz")
    source = (NOTEBOOKS / "clinic.py").read_text(encoding="utf-8")
    assert stored["code"] == code_hash.hash_with_library(source), (
        "the clinic's code has changed: make clinic"
    )
    patients = {name.partition("/")[0] for name in stored if "/" in name}
    assert sorted(patients) == list("ABCDEF")
    for patient in patients:
        assert stored[f"{patient}/samples"].shape == (16, 28, 28, 1)


def test_the_runs_of_the_papers_recipe_are_of_todays_code():
    stored = np.load(NOTEBOOKS / "results" / "06_paper_recipe.npz")
    source = (NOTEBOOKS / "paper_recipe.py").read_text(encoding="utf-8")
    assert stored["code"] == code_hash.hash_with_library(source), (
        "the code of the paper's recipe has changed: make paper-recipe"
    )
    runs = {name.partition("/")[0] for name in stored if "/" in name}
    assert runs
    for run in runs:
        looks = len(stored[f"{run}/step"])
        assert stored[f"{run}/images"].shape == (looks, 10, 28, 28, 1)
        assert len(stored[f"{run}/distance"]) == looks


def test_normalise_removes_what_differs_between_runs():
    notebook = new_notebook("print(1)")
    cell = notebook.cells[0]
    cell.metadata.update(
        {
            "papermill": {"duration": 1.5},
            "execution": {"x": 1},
            "tags": ["claim:C11"],
            "jupyter": {"source_hidden": True, "outputs_hidden": False},
        }
    )
    cell.outputs = [
        nbformat.v4.new_output("stream", name="stdout", text=text)
        for text in ("1\n", "2\n")
    ]
    notebook.metadata["papermill"] = {"output_path": "somewhere"}
    tools.normalise(notebook)
    assert cell.metadata == {
        "tags": ["claim:C11"],
        "jupyter": {"source_hidden": True},
    }
    assert "papermill" not in notebook.metadata
    assert [output.text for output in cell.outputs] == ["1\n2\n"]
