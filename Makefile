# Two commands matter: `make demo` and `make test`. Each sets up all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WEB := idol_runtime/web
SETUP := $(VENV)/.setup
SETUP_TEST := $(VENV)/.setup-test

.PHONY: demo serve setup test lint types imports tests quick quick-tests docs format clean

demo: $(SETUP)
	@$(BIN)/idol demo

serve: $(SETUP)
	@$(BIN)/idol serve

setup: $(SETUP)

test: $(SETUP_TEST) lint types imports tests

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Expected Python 3.11 or newer, found $$($(PYTHON) --version). Install one and run: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "==> Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip

$(WEB)/vendor/.done: $(WEB)/package.json $(WEB)/package-lock.json $(WEB)/vendor.mjs
	@command -v npm >/dev/null || { echo "Expected Node.js 18 or newer with npm (for the stage page's three.js), found none. Install it and run make again."; exit 1; }
	@echo "==> Fetching three.js and three-vrm for the stage page"
	@cd $(WEB) && npm ci --ignore-scripts --no-audit --no-fund --silent && node vendor.mjs
	@touch $@

$(SETUP): $(BIN)/python $(WEB)/vendor/.done pyproject.toml
	@echo "==> Installing idol_runtime (ONNX Runtime is the large part; the first time takes a minute or two)"
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

# torch first and alone: asked for by a range, pip would take the newest build with gigabytes of CUDA.
$(SETUP_TEST): $(SETUP) tests/install_counterparts.sh tests/clients/install.sh
	@echo "==> Installing what the tests need"
	@$(BIN)/python -m pip install --quiet torch==2.13.0
	@$(BIN)/python -m pip install --quiet --editable '.[test]'
	@sh tests/install_counterparts.sh
	@touch $@

lint:
	@echo "==> Lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types:
	@echo "==> Types"
	@$(BIN)/mypy

imports:
	@echo "==> Imports"
	@PYTHONPATH=. $(BIN)/lint-imports

tests:
	@echo "==> Tests"
	@# Small networks: more than one thread each only makes them wait for one another.
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q

# Types and tests beside each other: either needs about a minute of a core.
quick: $(SETUP_TEST) lint
	@$(MAKE) --no-print-directory --jobs 2 types quick-tests

quick-tests:
	@echo "==> Fast tests"
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not (models or browser or data or gpu or slow)" \
	  --ignore=tests/training --ignore=tests/export

docs: $(SETUP_TEST)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "The site is in build/site; open build/site/index.html."

format:
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(WEB)/node_modules $(WEB)/vendor build dist
