PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-long lint bench bench-peers

# Set up, then train and test the default task.
demo: .venv/installed
	$(BIN)/python -m seqbench.train

# Set up, then run the whole suite.
test: .venv/installed
	$(BIN)/python -m pytest -n auto --maxprocesses 4

# What takes minutes, too.
test-long: .venv/installed
	$(BIN)/python -m pytest -n auto --maxprocesses 4 -m ""

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Every row of docs/performance.md, on a machine that does nothing else: about an hour.
bench: .venv/installed
	$(BIN)/python -m benchmarks

# Keras on TensorFlow, in an environment of its own, and the rows beside it.
bench-peers: .venv/installed .venv-peers/installed
	$(BIN)/python -m benchmarks keras

.venv-peers/installed: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

.venv/installed: pyproject.toml constraints.txt
	@echo "installing into .venv, which takes a minute or two"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@
