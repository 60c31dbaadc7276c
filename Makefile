# The only commands there are; CI runs these. Each makes the environment that it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SOURCE ?=
ROW ?=
FILE ?=
SEED ?=
ONLY ?=
OSV_URL ?=

# The tests start this project's code in some hundred processes: compiled once, it starts sooner.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test deploy fuzz reliability soak bench coverage check lint actions-lint vendor regen dist sbom audit lock clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(READY) ## make the environment in .venv

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 15) else "Python 3.11 to 3.14 is needed")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY) ## an answer streams from the sandbox through the relay to OpenAI's own client
	$(BIN)/python -m examples.demo

serve: $(READY) ## run the relay with the settings of the environment and .env
	$(BIN)/relay serve

test: $(READY) ## run every test but the slow ones, on every core
	$(BIN)/python -m pytest -n auto

deploy: $(READY) ## run what deploy/ holds with the programs that it is for, those that are installed
	$(BIN)/python -m pytest tests/deploy -m ''

fuzz: $(READY) ## hostile paths by the hundred thousand, and the contract by schemathesis (SEED= of a run to repeat, ONLY=own for a part)
	$(BIN)/python -m pytest tests/fuzz -m fuzz
	$(BIN)/python -m tests.fuzz.contract $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

bench: $(READY) ## measure the relay beside other ways to forward a request (see benchmarks/__main__.py for subsets)
	$(BIN)/python -m benchmarks

reliability: $(READY) ## run every row of docs/reliability.md, slow ones too (ROW=b12 for one), and write it
	$(BIN)/python -m pytest tests/reliability -m '' --reliability $(if $(ROW),-k $(ROW))

soak: $(READY) ## 100,000 mixed requests (REQUESTS=), 500 WebSockets for ten minutes (MINUTES=), and what is left of them
	$(BIN)/python -m tests.reliability.soak

coverage: $(READY) ## run the tests, record which operations their clients reached, and regen
	$(BIN)/python -m pytest -n auto --write-evidence
	$(BIN)/python -m codegen

check: $(READY) ## see that generated/ is what spec/ and codegen/ make and that both fit the rest, and lint
	$(BIN)/python -m codegen --check
	$(BIN)/ruff format --check --isolated --line-length=110 generated
	@$(MAKE) --no-print-directory lint

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

actions-lint: $(READY) ## say what the import of GPT Actions would refuse in FILE=, an OpenAPI document
	@test -n '$(FILE)' || { echo 'FILE is missing: make actions-lint FILE=openapi.yaml' >&2; exit 2; }
	$(BIN)/python -m codegen.actions_lint '$(FILE)'

vendor: $(READY) ## read OpenAI's document (SOURCE=file or URL) into spec/
	$(BIN)/python -m codegen.vendor $(if $(SOURCE),--source '$(SOURCE)')

regen: $(READY) ## make generated/ from spec/
	$(BIN)/python -m codegen

dist: $(READY) ## build the wheel and the sdist in dist/, the same bytes each time
	$(BIN)/python -m supply.dist

sbom: $(READY) ## list what runs, with licences and hashes, in build/sbom.json (CycloneDX)
	$(BIN)/python -m supply.sbom

# Not a part of CI: what is published tomorrow is no fault of a change, and it takes a network.
audit: $(READY) ## look up what is known against the locked dependencies (OSV_URL= for a service other than PyPI)
	$(BIN)/python -m supply.audit $(if $(OSV_URL),--osv-url '$(OSV_URL)')

lock: $(READY) ## pin the newest dependencies that pyproject.toml allows, with hashes
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --all-extras --group bench --group codegen --group dev --group supply \
		--output-file requirements.lock pyproject.toml

clean: ## remove the environment and every cache
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/*/node/node_modules tests/*/*/node/node_modules
