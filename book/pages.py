"""Makes the web book. The Makefile calls it.

python book/pages.py    build/book-source: the pages; build/book: the site, which opens from its folder

The pages are the notebooks as committed, the glossary, the student versions of the assignments, the pages of
this folder, and a gallery of all figures. Sphinx does the rest.
"""

from gan_lib import plots

import base64
import html
import inspect
import io
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import nbformat
import numpy as np
import pandas as pd
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
SOURCE = ROOT / "build" / "book-source"
TARGET = ROOT / "build" / "book"
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
THUMBNAIL = 260, 170  # pixels, at most
CASES = ["model", "networks", "precision"]
SPEED_HEAD = """| way | ms a step | times float32 fit | share | memory, GB |
|---|--:|--:|--:|--:|"""

sys.path.append(str(ROOT / "assignments"))
import grading  # noqa: E402


def slug_of(title):
    """The anchor of a heading, as JupyterLab makes it: links hold in both."""
    return title.replace(" ", "-")


def to_sphinx_markup(app, what, name, thing, options, lines):
    """Says in Sphinx's markup what is Markdown in a docstring: that indented blocks are code, and a list of results."""
    found, in_text, in_code = [], True, False
    for line in lines:
        if re.fullmatch(r"(Args|Returns|Raises):", line):
            in_text = False
        indented = line.startswith("    ")
        if in_text and indented and not in_code:
            found += ["::", ""]
        in_code = indented or (in_code and not line)
        found.append(line.replace("**kwargs", r"\*\*kwargs"))
    text = "\n".join(found)
    section = re.search(r"^Returns:\n((    .*\n?)+)", text, re.MULTILINE)
    if section and len(re.findall(r"^    \w+: ", section[1], re.M)) > 1:
        text = text.replace("Returns:\n", "Results:\n")
    lines[:] = text.splitlines()


def signature_of(app, what, name, thing, options, signature, returns):
    """The arguments of a class are those of its __init__; Keras hides them."""
    if what == "class":
        whole = inspect.signature(thing.__init__).parameters
        return str(inspect.Signature(list(whole.values())[1:])), None
    return signature, returns


def alternatives(cell):
    """Texts that say what the pictures of a cell show."""
    texts = []
    for output in cell.get("outputs", []):
        if "image/png" in output.get("data", {}):
            picture = output.metadata.get("image/png", {})
            text = picture.get("alt") or output.data.get("text/plain", "")
            texts.append(" ".join(text.split()))
    return texts


def figure_anchor(cell):
    return f"cell-{cell.id}"


def add_text_alternatives(cell):
    texts = alternatives(cell)
    if texts:
        cell.metadata["mystnb"] = {"image": {"alt": " ".join(texts)}}


def fold_library_source(cell):
    """Cells that show the source of the library open at a click."""
    tags = cell.metadata.get("tags", [])
    folded = cell.metadata.get("jupyter", {}).get("source_hidden")
    if folded or any(tag.startswith("source:") for tag in tags):
        cell.metadata["tags"] = [*tags, "hide-input"]


def to_pages(text):
    """Links to a module of the library, or into book/, lead to their pages."""
    text = text.replace("(../book/", "(../")
    return re.sub(r"\(\.\./gan_lib/(\w+)\.py\)", r"(../library/\1.md)", text)


def run_box(name, time=""):
    """How to get and run a notebook: the lines under its title."""
    return f"""```{{admonition}} Run it
:class: run-it

{{download}}`Download the notebook <../downloads/{name}.ipynb>`{time}. In
JupyterLab: `make lab` in a copy of the project, open it, then *Run → Run All
Cells*. In Colab or Kaggle, or without `make`:
[the first five minutes](/start.md).
```"""


def time_of(notebook):
    """The sentence of a chapter that says how long it runs."""
    for cell in notebook.cells:
        found = re.search(r"runs in (about )?([^.]*?),? (and|on)", cell.source)
        if found:
            return f", {found[1] or ''}{found[2]} on two CPU cores"
    raise ValueError("received a chapter that does not say how long it runs")


def prepare_notebook(path, target, depth, time=True):
    """Writes the page of a notebook, and a copy to download.

    Args:
        path: the notebook.
        target: name of the page without its suffix, below build/book-source.
        depth: how many folders the page is deep.
        time: whether the notebook says how long it runs.

    Returns:
        The notebook, as it was.
    """
    original = nbformat.read(path, as_version=4)
    notebook = nbformat.read(path, as_version=4)
    up = "../" * depth
    for cell in notebook.cells:
        add_text_alternatives(cell)
        fold_library_source(cell)
        cell.source = cell.source.replace(
            "(../README.md#assignments)",
            f"({up}assignments/{path.stem}/{path.stem}.ipynb)",
        )
        cell.source = to_pages(cell.source)
    cells = []
    for cell in notebook.cells:
        if alternatives(cell):
            anchor = f'<span id="{figure_anchor(cell)}"></span>'
            cells.append(nbformat.v4.new_markdown_cell(anchor))
        cells.append(cell)
    box = run_box(target.split("/")[-1], time_of(original) if time else "")
    box = box.replace("../downloads", f"{up}downloads")
    cells.insert(1, nbformat.v4.new_markdown_cell(box))
    notebook.cells = cells
    page = SOURCE / f"{target}.ipynb"
    page.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, page)
    (SOURCE / "downloads").mkdir(exist_ok=True)
    shutil.copy(path, SOURCE / "downloads" / path.name)
    return original


def thumbnail(picture, path):
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    image.thumbnail(THUMBNAIL)
    image.save(path, "WEBP", quality=80)


def gallery(chapters):
    """The page of all figures; each leads to the cell that draws it."""
    folder = SOURCE / "thumbnails"
    folder.mkdir()
    lines = [
        "# All figures",
        "",
        "A click leads to the cell that draws the figure.",
    ]
    for name, notebook in chapters.items():
        title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
        lines += ["", f"## {title}", "", '<div class="gallery">']
        for cell in notebook.cells:
            texts = alternatives(cell)
            if not texts:
                continue
            pictures = [
                output.data["image/png"]
                for output in cell.outputs
                if "image/png" in output.get("data", {})
            ]
            file = folder / f"{name}-{cell.id}.webp"
            thumbnail(pictures[-1], file)
            address = f"notebooks/{name}.html#{figure_anchor(cell)}"
            alternative = html.escape(texts[-1], quote=True)
            lines.append(
                f'<a href="{address}"><img loading="lazy" '
                f'src="thumbnails/{file.name}" alt="{alternative}"></a>'
            )
        lines.append("</div>")
    (SOURCE / "gallery.md").write_text("\n".join(lines) + "\n", "utf-8")


def fill_speed():
    """Draws what `make bench` measured, and puts it into tables."""
    measured = HERE / "library" / "speed.csv"
    processor = re.search("^# processor: (.*)", measured.read_text(), re.M)[1]
    rows = pd.read_csv(measured, comment="#")
    draw_speed(rows).savefig(SOURCE / "library" / "speed.png", dpi=150)
    lines = []
    for case, found in rows.groupby(CASES, sort=False):
        lines += ["", f"### {', '.join(case)}", "", SPEED_HEAD]
        for row in found.itertuples(index=False, name=None):
            way, milliseconds, times, share, gigabytes = row[len(CASES) :]
            lines.append(
                f"| {way} | {milliseconds:.3g} | {times:.2g} | {share:.0%} "
                f"| {gigabytes:.1f} |"
            )
    page = SOURCE / "library" / "speed.md"
    text = page.read_text("utf-8").replace("PROCESSOR", processor)
    page.write_text(text.replace("TABLES", "\n".join(lines)), "utf-8")


def draw_speed(rows):
    """Bars of the time of a step, as a multiple of fit's in float32."""
    size = (9, 5.2)
    figure, axes = plots.new_figure(2, 2, "Speed", size, sharey="row")
    cases = rows.groupby(CASES[:2], sort=False)
    for axis, (case, found) in zip(axes.flat, cases, strict=True):
        names = found.way.unique()[::-1]
        places = np.arange(len(names))
        for offset, precision in [(0.2, "float32"), (-0.2, "bfloat16")]:
            times = found[found.precision == precision].set_index("way")
            bars = axis.barh(
                places + offset,
                times["times float32 fit"][names],
                0.36,
                label=precision,
            )
            axis.bar_label(bars, fmt="%.2g", padding=2, fontsize=8)
        axis.axvline(1, color="0.6", linewidth=0.8, zorder=0)
        axis.set(title=", ".join(case), xscale="log", xlim=(0.2, 60))
        axis.set_yticks(places, names)
        axis.set_xlabel("time of a step, times that of fit in float32")
    axes[0, 1].legend()
    return figure


def fill_contents(released):
    """Puts the names of all notebooks into the table of contents."""
    names = [f"notebooks/{path.stem}" for path in CHAPTERS]
    tasks = [f"assignments/{path.stem}/{path.stem}" for path in released]
    page = SOURCE / "index.md"
    text = page.read_text("utf-8").replace("CHAPTERS", "\n".join(names))
    page.write_text(text.replace("ASSIGNMENTS", "\n".join(tasks)), "utf-8")


def student_versions(folder):
    """Makes them in a folder of their own, so that a teacher's build/release and gradebook stay as they are."""
    source = pathlib.Path("assignments", "source")
    shutil.copytree(ROOT / source, folder / source)
    course = grading.Course(folder)
    course.start_anew("release")
    course.generate(course.assignments)
    return sorted(course.folder("release").glob("*/*.ipynb"))


def prepare(released):
    """Writes all pages into build/book-source.

    Args:
        released: paths of the student versions.
    """
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    shutil.copytree(HERE / "library", SOURCE / "library")
    for page in HERE.glob("*.md"):
        shutil.copy(page, SOURCE)
    fill_contents(released)
    fill_speed()
    shutil.copytree(ROOT / "pictures", SOURCE / "pictures")
    diagrams = SOURCE / "notebooks" / "diagrams"
    shutil.copytree(
        ROOT / "notebooks" / "diagrams",
        diagrams,
        ignore=shutil.ignore_patterns("*.md"),
    )
    glossary = ROOT.joinpath("notebooks", "glossary.md").read_text("utf-8")
    glossary = to_pages(glossary)
    for anchor in re.findall(r"\(#([a-z-]+)\)", glossary):  # as GitHub has them
        glossary = glossary.replace(f"(#{anchor})", f"(#{anchor.capitalize()})")
    wide = "---\nhtml_theme.sidebar_secondary.remove: true\n---\n\n"
    glossary = wide + glossary  # five columns
    (SOURCE / "notebooks" / "glossary.md").write_text(glossary, "utf-8")
    (SOURCE / "assignments").mkdir()
    teachers = ROOT.joinpath("assignments", "README.md").read_text("utf-8")
    (SOURCE / "assignments" / "README.md").write_text(
        to_pages(teachers), "utf-8"
    )
    chapters = {
        path.stem: prepare_notebook(path, f"notebooks/{path.stem}", depth=1)
        for path in CHAPTERS
    }
    for path in released:
        target = f"assignments/{path.stem}/{path.stem}"
        prepare_notebook(path, target, depth=2, time=False)
    gallery(chapters)


def build():
    """Runs Sphinx on the pages; a warning is an error."""
    shutil.rmtree(TARGET, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going"]
    command += ["-c", HERE, "-d", ROOT / "build" / "book-cache"]
    subprocess.run([*command, SOURCE, TARGET], check=True)
    shutil.copytree(SOURCE / "thumbnails", TARGET / "thumbnails")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        prepare(student_versions(pathlib.Path(folder)))
    build()
    print(f"open {(TARGET / 'index.html').relative_to(ROOT)}")
