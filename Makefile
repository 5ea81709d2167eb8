# `make demo` and `make test` are all that a fresh clone needs; they want Python 3.11 or later and make a .venv of their own.
PYTHON ?= python3
BIN := .venv/bin
# Where to find a torch without CUDA, which is gigabytes smaller, if the sources that pip knows have none. Where they have
# one, pip takes it by itself: `2.13.0+cpu` is a 2.13.0 to constraints.txt, and comes before the plain one.
TORCH_INDEX ?=

.PHONY: demo test long check fix

demo: .venv/installed  ## a small world whose truth is known: made, built, loaded and rebuilt
	$(BIN)/python -m arbitrage.miniature demo .miniature builder/recipes/miniature.yaml

test: check  ## style, types, tests
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

long: .venv/installed  ## the tests that take longest: memory, old clients, servers that crash
	$(BIN)/python -m pytest -n auto --dist loadfile -m long

check: .venv/installed  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: .venv/installed  ## what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) here: install Python 3.11 or later, or make test PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit("$(PYTHON) is Python %d.%d: 3.11 or later is needed, for instance: make test PYTHON=python3.12" % v[:2] if v < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -e ".[dev]"
	@touch $@
