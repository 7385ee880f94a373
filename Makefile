# The verbs of s3py-helper. `make` alone prints them.
#
#   VENV=...     the environment (.venv); PYTHON=... the interpreter to try first for it
#   ARGS=...     passed on to pytest (`make test ARGS="-k ranges -x"`) or to the server (`make run ARGS="--port 9000"`)
#   ONLY=...     which benchmark (`make bench ONLY=download`)

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

VENV ?= .venv
PYTHON ?=
ARGS ?=
ONLY ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/.made
SOURCES := src tests $(wildcard benchmarks examples)

# Where the shell forbids bytecode beside the sources, as that of many images does, it goes into the environment: without
# any, each of the hundreds of processes that tests start compiles a thousand modules anew.
ifdef PYTHONDONTWRITEBYTECODE
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX ?= $(abspath $(VENV))/bytecode
endif

.PHONY: help
help: ## print this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

$(STAMP): pyproject.toml requirements/dev.txt requirements/project.txt $(wildcard scripts/*.sh)
	@# Bytecode of what makes the environment would be there before it, pip's too.
	@unset PYTHONPYCACHEPREFIX; VENV='$(VENV)' PYTHON='$(PYTHON)' sh scripts/bootstrap.sh
	@touch $@

.PHONY: setup
setup: $(STAMP) ## make or update the environment .venv

# What `make run` needs to work in a fresh clone. A file .env takes over: the environment would win over it.
ifeq ($(wildcard .env),)
run: export S3PY_MODE ?= filesystem
run: export S3PY_FILESYSTEM__ROOT ?= data
endif

.PHONY: run
run: $(STAMP) ## serve on http://127.0.0.1:8000 with files under ./data
	@# Ctrl-C is how it is meant to end. A terminal tells the shell of it, too: one that died of it would be an error.
	@trap : INT; $(BIN)/s3py serve $(ARGS) || [ $$? = 130 ]

.PHONY: test
test: $(STAMP) ## run the tests but the slow ones, within 5 minutes (ARGS="-k name -x")
	@# Most of the time is spent on waiting for servers; each process has servers of its own.
	HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -n 4 --dist loadfile -m "not slow" $(ARGS)

.PHONY: test-unit
test-unit: $(STAMP) ## run the tests that need no server, within half a minute
	@# schemathesis takes a second to load in each process, and none of these tests needs it, nor what goes past sys.stdout.
	HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -n auto --capture=sys -p no:schemathesis -m "not slow" tests/unit $(ARGS)

.PHONY: fuzz
fuzz: $(STAMP) ## run the tests on generated input for much longer (ARGS="-k name")
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -m fuzz $(ARGS)

.PHONY: lint
lint: $(STAMP) ## check style and format (ruff)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

.PHONY: fmt
fmt: $(STAMP) ## repair style and format where that is safe
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

.PHONY: types
types: $(STAMP) ## check types (mypy and pyright, both strict)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/basedpyright

.PHONY: arch
arch: $(STAMP) ## check which layer imports which (import-linter)
	$(BIN)/lint-imports

.PHONY: cover
cover: $(STAMP) ## run all tests, the slow ones too, and report branch coverage
	$(BIN)/python -m pytest --cov --cov-report=term --cov-report=html $(ARGS)

.PHONY: check
check: lint types arch cover ## everything a change must pass

.PHONY: bench
bench: $(STAMP) ## measure (ONLY=name for one)
	$(BIN)/python -m benchmarks $(ONLY)

.PHONY: rehearsal
rehearsal: $(STAMP) ## migrate from FastDFS to S3 under traffic, with kills (ARGS="--files 20000")
	$(BIN)/python -m tests.support.rehearsal $(ARGS)

.PHONY: guard
guard: $(STAMP) ## record anew what small operations cost (the tests compare with it)
	$(BIN)/python -m tests.support.guard --record

.PHONY: docs
docs: $(STAMP) ## render the reference of the Python interface into site/
	$(BIN)/python -m pdoc --docformat markdown --output-directory site s3py_helper

.PHONY: wheel
wheel: $(STAMP) ## build sdist and wheel into dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist

.PHONY: lock
lock: $(STAMP) ## refresh requirements/dev.txt to the newest versions
	sh scripts/lock.sh

.PHONY: clean
clean: ## remove what was built, and the environment; ./data stays
	rm -rf $(VENV) .venv-tools dist build site htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .bench
	find src tests examples -name __pycache__ -type d -prune -exec rm -rf {} +
