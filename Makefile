# Every target sets up .venv from constraints.txt first when it is missing or older than what it was made from.
PYTHON ?= $(shell for python in python3.11 python3.12 python3; do command -v $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help install demo test test-long lint format types bench notebooks clean

help: ## what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(READY) ## the environment, and nothing else

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
test: $(READY) ## the tests of every change
	$(BIN)/python -m pytest -n auto -m 'not long'

test-long: $(READY) ## the tests that are too slow for every change
	$(BIN)/python -m pytest -m long

lint: $(READY) ## style and formatting, checked
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY) ## style and formatting, mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY) ## static types of the library
	$(BIN)/mypy

bench: $(READY) ## how fast drawing, loading and training are here
	$(BIN)/python experiments/benchmarks/pipeline.py

notebooks: $(READY) ## run the notebooks again, in place
	$(PIP) --no-build-isolation --editable '.[notebooks]'
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace notebooks/*.ipynb

clean: ## remove the environment, caches and builds; runs stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
