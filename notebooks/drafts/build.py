"""build.py DRAFT OUT.ipynb: from a draft of '#%% md ID' / '#%% code ID tag tag [folded]' blocks."""
import sys, re, nbformat
draft, out = sys.argv[1:3]
text = open(draft, encoding="utf-8").read()
cells = []
for block in re.split(r"(?m)^#%% ", text)[1:]:
    head, _, body = block.partition("\n")
    kind, ident, *tags = head.split()
    body = body.strip("\n")
    if kind == "md":
        cell = nbformat.v4.new_markdown_cell(body)
    else:
        cell = nbformat.v4.new_code_cell(body)
        if "folded" in tags:
            tags.remove("folded"); cell.metadata["jupyter"] = {"source_hidden": True}
        if tags: cell.metadata["tags"] = tags
        for line in body.splitlines():
            if len(line) > 80: print("LONG", ident, len(line), line)
    cell["id"] = ident
    cells.append(cell)
ids = [c["id"] for c in cells]; assert len(set(ids)) == len(ids), [i for i in ids if ids.count(i) > 1]
nb = nbformat.v4.new_notebook(cells=cells)
nb.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
 "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}}
nb.nbformat_minor = 5
sys.path.insert(0, "notebooks")
try:
    import tools; tools.refresh_sources(nb)
except ImportError: pass
nbformat.write(nb, out); print(out, len(cells), "cells")
