# make demo | test | lint | types | bench | clean
# Everything happens in .venv. Needed beforehand: GNU make, git and Python 3.11 or newer with venv
# (Debian: apt-get install make git python3 python3-venv). No other system package is needed by any target.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
OUT ?= demo-out

PROJECTS := pyproject.toml domains/satellite/pyproject.toml domains/surveillance/pyproject.toml domains/ui/pyproject.toml
# Built in place with the pinned hatchling, so that no install fetches a build environment of its own.
BUILD_TOOLS := editables hatchling
PACKAGES := -e .[geo] -e ./domains/satellite -e ./domains/surveillance -e ./domains/ui

.DEFAULT_GOAL := help
.PHONY: help demo test lint format types bench clean

help:
	@echo "make demo    install the library with its domains, compare the shipped pairs, say where the pictures are"
	@echo "make test    install what the tests need and run them all (lint and types included)"
	@echo "make lint    ruff and import-linter        make format  let ruff rewrite the code"
	@echo "make types   mypy --strict                 make bench   speed and memory"
	@echo "make clean   remove .venv, caches and built files"

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "make: no '$(PYTHON)' on the PATH. Install Python 3.11 or newer (Debian: apt-get install python3 python3-venv), or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: $$($(PYTHON) --version 2>&1) is too old: onediff-plugins needs Python 3.11 or newer. Name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: $(PYTHON) cannot make virtual environments. Install its venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo.stamp: $(PROJECTS) constraints.txt | $(BIN)/python
	@echo "Installing the library into $(VENV); minutes the first time ..."
	$(PIP) install --quiet -c constraints.txt $(BUILD_TOOLS)
	$(PIP) install --quiet --no-build-isolation -c constraints.txt $(PACKAGES)
	@touch $@

# The development environment holds the demo's, hence both stamps.
$(VENV)/.dev.stamp: $(PROJECTS) constraints.txt requirements-dev.txt | $(BIN)/python
	@echo "Installing what the tests need into $(VENV); minutes the first time ..."
	$(PIP) install --quiet -c constraints.txt $(BUILD_TOOLS)
	$(PIP) install --quiet --no-build-isolation -c constraints.txt -r requirements-dev.txt
	@touch $@ $(VENV)/.demo.stamp

demo: $(VENV)/.demo.stamp
	$(BIN)/onediff demo --out $(OUT)
	@echo "Look at $(OUT)/: each pair's folder has result.json, overlay.png and the mask."

test: $(VENV)/.dev.stamp
	$(BIN)/python -m pytest

lint: $(VENV)/.dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

format: $(VENV)/.dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev.stamp
	$(BIN)/mypy

bench: $(VENV)/.dev.stamp
	$(BIN)/python -m pytest benchmarks --benchmark-only --benchmark-columns=min,median,max,rounds

clean:
	rm -rf $(VENV) $(OUT) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
