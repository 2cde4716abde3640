PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

# Shows a page, where there is a desktop; does nothing elsewhere.
OPEN := show() { if [ "$$(uname)" = Darwin ]; then open "$$1"; \
	elif [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then xdg-open "$$1"; fi 2>/dev/null || true; }; show

.PHONY: help quickstart test test-rest test-all test-times test-lowest dist lint docs clean

help: ## Says what can be made.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

quickstart: $(VENV)/ready ## Trains the default experiment on digits and shows pictures.
	@echo "Training two small MLPs on 899 handwritten digits; this takes a few minutes."
	@$(BIN)/python experiments/mlp.py
	@$(OPEN) runs/mlp/report.html

test: lint ## Checks style and types, and runs the quick tests.
	$(PYTEST) -m "not slow"

test-rest: $(VENV)/ready-test ## Runs the slow tests: released networks, kills, processes, notebooks.
	$(PYTEST) -m slow

test-all: test test-rest ## Runs every check.

test-times: $(VENV)/ready-test ## Lists tests that take long and are not marked slow.
	$(PYTEST) -m "not slow" --times

# An environment of its own, so that the other one keeps the newest libraries.
test-lowest: ## Runs the quick tests with the oldest libraries that pyproject.toml allows.
	$(PYTHON) -m venv $(VENV)/lowest
	$(VENV)/lowest/bin/python -m pip install --quiet uv
	$(VENV)/lowest/bin/uv pip install --quiet --python $(VENV)/lowest/bin/python \
		--resolution lowest-direct --editable ".[test]"
	$(subst $(BIN),$(VENV)/lowest/bin,$(PYTEST)) -m "not slow"

dist: $(VENV)/ready-test ## Builds the wheel and the source archive into dist/.
	$(BIN)/python -m pip install --quiet build
	$(BIN)/python -m build

lint: $(VENV)/ready-test ## Checks style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

docs: $(VENV)/ready-docs ## Builds the documentation into docs/_build/html.
	$(BIN)/python -m sphinx -b html -W --keep-going -q docs docs/_build/html
	@echo "Documentation: docs/_build/html/index.html"

clean: ## Removes the environment, not the runs.
	rm -rf $(VENV)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "ganjax needs Python 3.11 or newer: make PYTHON=/path/to/python3.x"; exit 1; }
	@echo "Creating the environment $(VENV) with $$($(PYTHON) --version)."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/ready: pyproject.toml | $(BIN)/python
	@echo "Installing ganjax and what it needs (about 1 GB) into $(VENV)."
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/ready-test: pyproject.toml | $(BIN)/python
	@echo "Installing ganjax and what its tests need into $(VENV)."
	@$(BIN)/python -m pip install --quiet --editable ".[test]"
	@touch $@ $(VENV)/ready

$(VENV)/ready-docs: pyproject.toml | $(BIN)/python
	@echo "Installing ganjax and what its documentation needs into $(VENV)."
	@$(BIN)/python -m pip install --quiet --editable ".[docs]"
	@touch $@ $(VENV)/ready
