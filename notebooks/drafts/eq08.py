import sys, os
os.chdir("c08/notebooks"); sys.path.insert(0, "."); sys.path.insert(0, "c08")
import nbformat, subprocess, numpy as np
from code_hash import experiment_cells, code_hash
import results
new = nbformat.read("08_evaluation.ipynb", 4)
old = nbformat.reads(subprocess.check_output(["git","show","HEAD:notebooks/08_evaluation.ipynb"], text=True), 4)
print(code_hash(new), code_hash(old)); print("\n".join(results.head_of("08_evaluation", new)))
out = {}
for name, nb in {"old": old, "new": new}.items():
    ns = {}
    exec("\n\n".join(experiment_cells(nb)), ns)
    ns["counted"] = 300; ns["n"] = 250
    for task in ("stacked", "digits"):
        for model in ("GAN", "WGAN", "WGAN-GP"):
            row = ns["experiment"](task=task, model=model, steps=20, seed=1, callbacks=[])
            row.pop("seconds", None)
            out[name, task, model] = {k: float(v) for k, v in row.items() if v == v}
for (name, task, model), row in out.items():
    if name == "old":
        other = out["new", task, model]
        print(task, model, "equal" if row == other else (row, other), len(row))
