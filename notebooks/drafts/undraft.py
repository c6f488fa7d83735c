"""undraft.py NB.ipynb > DRAFT: the reverse of build.py."""
import sys, nbformat
for c in nbformat.read(sys.argv[1], 4).cells:
    tags = list(c.metadata.get("tags", [])) + (["folded"] if c.metadata.get("jupyter", {}).get("source_hidden") else [])
    kind = "md" if c.cell_type == "markdown" else "code"
    print(f"#%% {' '.join([kind, c.id, *tags])}\n{c.source}\n")
