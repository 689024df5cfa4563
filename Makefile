# Every target sets up what it needs: the virtual environment .venv, shared by all of them.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
OLDEST := .venv-oldest/bin

.PHONY: venv demo demo-short test test-slow fuzz lint types bench gpu claims docs dist test-oldest clean

venv: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $(STAMP)

demo: venv  ## a trained model and a page to look at, in minutes
	$(BIN)/voxway demo --out demo

demo-short: venv  ## the same way with a handful of frames, to see that it works
	$(BIN)/voxway demo --out demo/short --train 8 --val 2 --steps 10

WORKERS ?= 2
test: venv lint types  ## everything but the slow tests, on two cores; WORKERS=8 on more
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'not slow' -n $(WORKERS) --dist loadfile

test-slow: venv  ## full-size and minute-long checks
	$(BIN)/python -m pytest -m slow

MUTATIONS ?= 20000
fuzz: venv  ## files of every kind, damaged at random, in minutes; MUTATIONS=100000 for more
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --mutations $(MUTATIONS) --out fuzz.json

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv
	$(BIN)/ty check src

bench: venv  ## side-by-side speed and memory
	$(BIN)/python bench/metrics.py
	$(BIN)/python bench/rayiou.py
	$(BIN)/python bench/monoocc.py
	$(BIN)/python bench/effocc.py
	$(BIN)/python bench/vlscene.py
	$(BIN)/python bench/export.py
	$(BIN)/python bench/selective_scan.py --passes forward

REFERENCE ?= ../shared/reference
gpu:  ## check a GPU and measure on it, in minutes, with the packages that $(PYTHON) has: bench/GPU.md
	PYTHONPATH=src$${PYTHONPATH:+:$$PYTHONPATH} $(PYTHON) bench/gpu.py --reference $(REFERENCE) --commit "$(COMMIT)" --out bench/GPU.md

claims: venv  ## the papers' claims on the synthetic world; hours
	$(BIN)/python bench/effocc_claims.py
	$(BIN)/python bench/monoocc_claims.py
	$(BIN)/python bench/vlscene_claims.py
	$(BIN)/python bench/occle_claims.py
	$(BIN)/python bench/from_lidar.py

docs: venv  ## the documentation as a site, in site
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	PYTHONPATH=src NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

dist: venv  ## wheel and source archive, in dist
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist

test-oldest: .venv-oldest/.installed  ## rooms that meet other packages most, with the oldest releases that we allow
	OMP_NUM_THREADS=1 PYTHONPATH=src $(OLDEST)/python -m pytest -m 'not slow' tests/core tests/ops tests/engine tests/methods

.venv-oldest/.installed: pyproject.toml .ci/oldest.txt
	$(PYTHON) -m venv .venv-oldest
	$(OLDEST)/python -m pip install --quiet --constraint .ci/oldest.txt --requirement .ci/oldest.txt \
	    pytest pytest-timeout hypothesis beartype scipy
	touch $@

clean:
	rm -rf .venv .venv-oldest demo runs dist site
