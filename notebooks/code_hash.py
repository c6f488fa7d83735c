"""A fingerprint of the code that made a table over many seeds.

It stands in the head of the table, and a test compares it with today's. It
covers a chapter's experiment, or clinic.py, and the modules of gan_lib that
train and measure, whole: `make results` then tells whether a change of these
modules changes any number.
"""

import ast
import hashlib
import pathlib

GAN_LIB = pathlib.Path(__file__).resolve().parent.parent / "gan_lib"
# all but those that draw
MODULES = [
    "data",
    "gan",
    "metrics",
    "networks",
    "techniques",
    "wgan",
    "wgan_gp",
]


def experiment_cells(notebook):
    """Sources of a chapter's parameters and of its cells tagged `experiment`."""
    wanted = {"parameters", "experiment"}
    return [
        cell.source
        for cell in notebook.cells
        if wanted & set(cell.metadata.get("tags", []))
    ]


def code_hash(notebook):
    """Returns 16 hexadecimal digits for a chapter's table."""
    return hash_with_library("\n".join(experiment_cells(notebook)))


def hash_with_library(source):
    """Returns 16 hexadecimal digits for code that trains with gan_lib."""
    sources = [source]
    for name in MODULES:
        sources.append((GAN_LIB / f"{name}.py").read_text(encoding="utf-8"))
    text = "\n".join(without_comments(source) for source in sources)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def without_comments(source):
    """Python code in one form, without its comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and is_text(body[0]):
            node.body = body[1:] or [ast.Pass()]
    # which quotes unparse chooses depends on the version of Python
    return ast.unparse(tree).replace('"', "'")


def is_text(node):
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
