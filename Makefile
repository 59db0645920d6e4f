# Every target sets up .venv from constraints.txt first when it is missing or older than what it was made from.
PYTHON ?= $(shell for python in python3.11 python3.12 python3; do command -v $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help install demo test test-long mutation lint format types docs wheel bench notebooks clean

help: ## list these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(READY) ## set up .venv with pinned versions, and nothing else

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	# setuptools builds antlr4-python3-runtime, which is published as source only; venv's own is too old for that.
	$(PIP) --upgrade hatchling editables setuptools
	$(PIP) --no-build-isolation --editable '.[dev]'
	touch $@

demo: $(READY) ## train a small network on drawn people, score it, and draw what it predicts
	$(BIN)/posepyr train experiment=demo

# One Torch thread a process: the processes share the cores already.
test: export OMP_NUM_THREADS = 1
test: $(READY) ## run the tests (about fifteen minutes on two cores)
	$(BIN)/python -m pytest -n auto -m 'not long'

test-long: $(READY) ## run the tests that are too slow for every change
	$(BIN)/python -m pytest -m long

mutation: $(READY) ## change the networks in thousands of ways and count what the tests notice (an hour on two cores)
	$(BIN)/python experiments/mutation/mutate.py --report

lint: $(READY) ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY) ## mend style and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY) ## check the library's static types
	$(BIN)/mypy

docs: $(READY) ## build the documentation site, build/docs/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo build/docs/index.html

wheel: $(READY) ## build the wheel and the source archive in dist/
	$(BIN)/python -m build --no-isolation

bench: $(READY) ## measure drawing, loading and training on this machine
	$(BIN)/python experiments/benchmarks/pipeline.py

notebooks: $(READY) ## run the notebooks again, in place
	$(BIN)/jupyter execute --inplace notebooks/*.ipynb

clean: ## remove .venv, caches and builds; runs stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
