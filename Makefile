# The course's commands. `make` lists them. Each sets up .venv first where it is missing.
.DEFAULT_GOAL := help
.PHONY: help setup lab run smoke browser unit check test notebooks results clinic paper-recipe assignments grade book canary bench clean

PYTHON ?= python3
PRESET ?=
CHAPTER ?=
LIMIT ?= 60
JOBS ?= 2
VENV ?= .venv
PY := $(VENV)/bin/python
ifdef SCHEDULER
export DASK_SCHEDULER_ADDRESS := $(SCHEDULER)
endif
CHAPTERS := $(basename $(notdir $(wildcard notebooks/$(CHAPTER)*.ipynb)))

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(VENV)/ready  ## make .venv with everything the course needs (Python 3.11 to 3.13; CUDA where nvidia-smi works)

lab: $(VENV)/ready  ## open the chapters in JupyterLab
	$(VENV)/bin/jupyter lab notebooks

run: $(VENV)/ready  ## run every chapter headless into build/ (PRESET=smoke|full, CHAPTER=02, JOBS=8 at a time, else 2, SCHEDULER=tcp://...)
	@$(MAKE) --no-print-directory -j$(if $(DASK_SCHEDULER_ADDRESS),$(words $(CHAPTERS)),$(JOBS)) $(or $(CHAPTERS:%=run-%),$(error no chapter starts with '$(CHAPTER)'))
	@$(PY) notebooks/tools.py table $(CHAPTERS)

run-%: $(VENV)/ready
	@$(PY) notebooks/tools.py run $* $(PRESET)

smoke:  ## run every chapter in seconds, to see that it runs
	@$(MAKE) --no-print-directory run PRESET=smoke

browser: $(VENV)/ready
	@$(PY) tests/browser.py

check: $(VENV)/ready browser  ## style, unit tests, the book in a browser and a smoke run: about 20 minutes
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	@# side by side: many unit tests wait for a browser, a kernel or a cluster
	@$(MAKE) --no-print-directory -j2 unit smoke

unit: $(VENV)/ready
	@$(PY) -m pytest -n $(JOBS) --dist loadfile tests

test: check  ## check, and every chapter re-run at its defaults and compared
	$(PY) -m pytest -n $(JOBS) --dist loadfile --nbval-lax --nbval-current-env --nbval-cell-timeout=600 notebooks

notebooks: $(VENV)/ready  ## execute the committed chapters in place, refreshed and normalised (CHAPTER=02)
	$(PY) notebooks/tools.py refresh $(or $(CHAPTERS),$(error no chapter starts with '$(CHAPTER)'))

results: $(VENV)/ready  ## make the tables over several seeds in notebooks/results (hours; CHAPTER=02, SCHEDULER=tcp://...)
	$(PY) notebooks/results.py $(or $(CHAPTERS),$(error no chapter starts with '$(CHAPTER)'))

clinic: $(VENV)/ready  ## train the patients of chapter 04's clinic anew (2 minutes)
	$(PY) notebooks/clinic.py

paper-recipe: $(VENV)/ready  ## train the WGANs of chapter 06, section 13, anew (15 minutes)
	$(PY) notebooks/paper_recipe.py

assignments: $(VENV)/ready  ## make the student versions of the assignments, in build/release/
	$(PY) assignments/grading.py release

grade: $(VENV)/ready  ## grade SUBMITTED/student/NN_topic/NN_topic.ipynb: build/grades.csv, build/feedback/ (LIMIT=60 seconds a cell, SCHEDULER=tcp://...)
	@LIMIT=$(LIMIT) $(PY) assignments/grading.py grade $(or $(SUBMITTED),$(error make grade SUBMITTED=folder))

book: $(VENV)/ready  ## make the web book, in build/book/
	$(PY) book/pages.py

canary:  ## check with the newest releases of everything, in an environment of their own (PYTHON=python3.13)
	rm -rf build/canary
	@result=passed; $(MAKE) --no-print-directory check VENV=build/canary NEWEST=1 || result=FAILED; \
		build/canary/bin/pip list 2>/dev/null | grep -iE '^(tensorflow|keras|numpy|jupyterlab|papermill|nbval|sphinx) '; \
		echo "make check $$result with these"; test $$result = passed

bench: $(VENV)/ready build/bench/ready  ## measure speed against the usual ways and PyTorch, for the book (20 minutes)
	$(PY) tests/benchmark.py build/bench/bin/python

build/bench/ready:
	$(PYTHON) -m venv build/bench
	build/bench/bin/pip install --quiet --extra-index-url https://download.pytorch.org/whl/cpu torch==2.13.0 numpy
	@touch $@

clean:  ## remove .venv and build/
	rm -rf .venv build

$(VENV)/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "$(PYTHON) is $$($(PYTHON) --version 2>&1); the course needs Python 3.11 to 3.13: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv" >&2; exit 1; }
	$(VENV)/bin/pip install --quiet --upgrade pip
	if nvidia-smi >/dev/null 2>&1; then sed 's/^tensorflow~=/tensorflow[and-cuda]~=/' requirements.txt; \
		else cat requirements.txt; fi $(if $(NEWEST),| sed 's/~=/>=/') > $(VENV)/requirements.txt
	$(VENV)/bin/pip install --quiet -r $(VENV)/requirements.txt
	@# compiled once here: importing TensorFlow takes 3.5 s instead of 9 to 13 s where bytecode is not written later
	-$(PY) -m compileall -q $(VENV)/lib >/dev/null
	@touch $@
