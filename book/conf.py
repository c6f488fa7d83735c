"""Sphinx's settings for the web book. pages.py calls it; the pages are in build/book-source."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # pages.py, gan_lib

project = "Learn GANs by building them"
copyright = "the authors of the course; code under the MIT license"
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
]
templates_path = [str(HERE / "templates")]
exclude_patterns = ["downloads"]

# the chapters as committed: nothing is run
nb_execution_mode = "off"
nb_merge_streams = True
nb_number_source_lines = False
myst_enable_extensions = ["dollarmath", "colon_fence", "attrs_inline"]
myst_heading_anchors = 4
myst_heading_slug_func = "pages.slug_of"

# the library, from its docstrings
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
autodoc_typehints = "none"
default_role = "code"
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Results", "params_style")]

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = [str(HERE / "static")]
html_favicon = str(HERE / "static" / "icon.svg")
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_search_summary = False  # would read pages, which a folder forbids
html_permalinks_icon = "#"
html_theme_options = {
    "navbar_center": [],
    "navbar_end": ["theme-switcher"],
    "show_nav_level": 1,
    "navigation_depth": 2,
    "show_toc_level": 1,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"**": ["contents.html"]}
html_context = {"default_mode": "auto"}


def setup(app):
    import pages

    # before napoleon, which has the usual priority of 500
    app.connect(
        "autodoc-process-docstring", pages.to_sphinx_markup, priority=400
    )
    app.connect("autodoc-process-signature", pages.signature_of)
    return {"parallel_read_safe": True}
