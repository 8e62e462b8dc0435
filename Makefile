# make demo: the main job with the shipped weights. make test: lint and tests.
# Both install everything into .venv, which a second run uses again.

PYTHON ?= $(shell command -v python3.12 || echo python3)
VENV := .venv
BIN := $(abspath $(VENV))/bin
SOURCES := pyproject.toml setup.py smfd_plugin/vapoursynth/plugin.c

.PHONY: demo test clean

demo: $(VENV)/installed
	$(BIN)/smfd demo

test: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH=$(BIN):$$PATH OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

$(VENV)/installed: $(SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null || { \
	  echo "smfd-plugin needs Python 3.12 as $(PYTHON); install it, or name it: make PYTHON=/path/to/python3.12" >&2; \
	  exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
