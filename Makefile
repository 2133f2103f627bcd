# Every target makes the environment first; see README.md for the same as plain pip and pytest lines.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: check test test-all lint bench kernel-trees man clean

# 1 means that something is violated, which is what the comparison is about. Python itself exits with 1 when it cannot
# even start, so the comparison must be there as well.
check: $(VENV)/installed
	@$(BIN)/ptecheck check > $(VENV)/comparison.txt; status=$$?; cat $(VENV)/comparison.txt; \
	test $$status -eq 1 && grep -q '^What was proved' $(VENV)/comparison.txt

test: $(VENV)/installed
	$(BIN)/python -m pytest -n auto --dist worksteal

test-all: $(VENV)/installed kernel-trees
	$(BIN)/python -m pytest -n auto --dist worksteal -m ""

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/mypy

# Writes bench/records/DATE.md: our own jobs, agreement with other model checkers, and speed beside them.
bench: $(VENV)/installed
	$(BIN)/python -m bench.record

# Writes docs/ptecheck.1 anew from the parsers of all commands; a test says when that is due.
man: $(VENV)/installed
	$(BIN)/python -m checker.cli.manual

kernel-trees: $(VENV)/installed
	$(BIN)/python -m tests.kernel_trees

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
