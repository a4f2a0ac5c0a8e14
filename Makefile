# make demo    fit the quadratic, run the tanh neuron; pictures in out/
# make test    lint, types, tests
# make test-interop  the tests with torch, JAX, Dask, CasADi and heyoka, which it installs
# make test-pyodide  the engine's tests and a picture in a browser's Python, run by node
# make bench   speed and memory against other engines, which it installs; benchmarks/RESULTS.md
# make pictures  the pictures of the README
# make .venv   only set everything up

PYTHON ?= python3
TORCH ?= torch
EXTRAS := test,examples,fast
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test test-interop test-pyodide bench pictures lint format clean

demo: .venv
	$(BIN)/python -m examples.tanh_neuron --out out
	$(BIN)/python -m examples.quadratic --out out

test: .venv lint
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

# The same assertions on the arrays of torch, JAX and Dask; and all engines of the benchmark agree.
test-interop: .venv
	$(INSTALL) $(TORCH) --editable '.[interop,bench]'
	$(BIN)/python -m pytest tests/*/test_*interop.py tests/benchmarks/test_benchmarks_compiled.py \
		tests/benchmarks/test_benchmarks_gpt.py

test-pyodide: .venv build/pyodide
	$(BIN)/python -m pytest tests/house/test_pyodide.py

# Pyodide and a Graphviz from npm, and what the tests need that is Python alone; hypothesis has had
# machine code since 6.150.
build/pyodide: | .venv
	@rm -rf $@
	npm install --silent --no-audit --no-fund --prefix $@ pyodide@314 @viz-js/viz@3
	$(INSTALL) --target $@/python --only-binary :all: --platform any --implementation py --abi none \
		--python-version 3.14 graphviz 'hypothesis<6.150' micrograd mpmath pytest \
		|| { rm -rf $@; exit 1; }

lint: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv
	$(INSTALL) $(TORCH) --editable '.[bench]'
	$(BIN)/python -m benchmarks --write benchmarks/RESULTS.md

pictures: .venv
	$(BIN)/python -m examples.readme_pictures

clean:
	rm -rf .venv out build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Stale when the list of dependencies is newer. A half-made .venv is not left behind.
.venv: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "scalargrad needs Python 3.11 or later, but $(PYTHON) is $$($(PYTHON) --version 2>&1 || echo missing); try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "scalargrad needs Python's venv module; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@rm -rf .venv
	$(PYTHON) -m venv .venv
	@$(INSTALL) --editable '.[$(EXTRAS)]' \
		|| { rm -rf .venv; echo "the installation of scalargrad's dependencies failed (see above)"; exit 1; }
	@touch .venv
