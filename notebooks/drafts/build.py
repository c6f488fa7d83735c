"""src/NN.txt -> assignments/source/NN/NN.ipynb. Cells: '%% md', '%% code', '%% locked ID', '%% solution ID', '%% check ID POINTS'."""
import sys, pathlib, re, nbformat as nf
for name in sys.argv[1:]:
    text = pathlib.Path(f"src/{name}.txt").read_text()
    cells, n = [], 0
    for part in re.split(r"^%% ", text, flags=re.M)[1:]:
        head, _, body = part.partition("\n")
        kind, *rest = head.split()
        body = body.strip("\n")
        n += 1
        c = nf.v4.new_markdown_cell(body) if kind == "md" else nf.v4.new_code_cell(body)
        c["id"] = rest[0] if rest else f"cell-{n}"
        if kind in ("locked", "solution", "check"):
            c.metadata["nbgrader"] = dict(grade=kind == "check", grade_id=rest[0], locked=kind != "solution",
                                         schema_version=3, solution=kind == "solution", task=False)
            if kind == "check":
                c.metadata["nbgrader"]["points"] = int(rest[1])
        cells.append(c)
    nb = nf.v4.new_notebook(cells=cells)
    nb.metadata = nf.from_dict({"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"}})
    nf.validate(nb)
    p = pathlib.Path(f"cAsg/assignments/source/{name}/{name}.ipynb"); p.parent.mkdir(parents=True, exist_ok=True)
    nf.write(nb, p)
