# Samvad. `make help` lists what can be made.
VENV ?= .venv
BIN := $(VENV)/bin
# The first Python that fits; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
ROLES := edge worker usage
# Where an environment switches compiled files off, every process would compile LiteLLM again: 3 s of CPU for each start.
export PYTHONDONTWRITEBYTECODE :=
PACKAGES := schemas observability producers store consumers ws_edge infra samvad_client

.DEFAULT_GOAL := help
.PHONY: help chat test test-full test-connected test-proof proof-subset cluster check format lint types imports lock clean \
	bench bench-real bench-stops bench-hostile bench-takeover bench-sockets bench-unicast

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

chat: $(VENV)/ready-local  ## talk to it: installs what it needs, starts everything, opens a conversation
	@exec $(BIN)/samvad chat

test: $(VENV)/ready-dev  ## the tests that need no server: pure, flow, contracts and whole
	@$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

test-full: export SAMVAD_FULL_TESTS := 1
test-full: test  ## the same with five times the orders of events, and two or three times the people, answers and stops

test-connected: $(VENV)/ready-dev  ## the tests on real servers (Kafka, Cassandra, Jaeger), started and ended for them
	@$(BIN)/python -m pytest -m "connected and not proof" $(ARGS)

test-proof: $(VENV)/ready-dev  ## the long ones: every fault once, injected bugs, races of stops, replaced workers and edges
	@$(BIN)/python -m pytest -m proof $(ARGS)

proof-subset: $(VENV)/ready-dev  ## the least of the proof: every fault once while 60 people talk, from one seed; under 5 minutes
	@$(BIN)/python -m pytest -m proof tests/connected/test_prove.py -k under_every_fault $(ARGS)

cluster: $(VENV)/ready-local  ## run it for real: Kafka, Cassandra, Jaeger, two edges, two workers
	@exec $(BIN)/samvad cluster $(ARGS)

check: format lint types imports test  ## what CI asks: format, lint, types, imports, tests

format: $(VENV)/ready-dev  ## is the code formatted?
	@$(BIN)/ruff format --check .

lint: $(VENV)/ready-dev  ## ruff's rules
	@$(BIN)/ruff check .

types: $(VENV)/ready-dev  ## mypy, strict
	@$(BIN)/mypy

imports: $(VENV)/ready-dev  ## do imports run one way?
	@$(BIN)/lint-imports --no-cache

bench: $(VENV)/ready-dev  ## measure first token, gaps and CPU, through the system and beside it
	@$(BIN)/python -m benchmarks.embedded $(ARGS)

bench-real: $(VENV)/ready-dev  ## the same on real Kafka and Cassandra, started natively for it
	@$(BIN)/python -m benchmarks.real $(ARGS)

bench-stops: $(VENV)/ready-dev  ## how soon stops work with four workers, and that none is lost in a race
	@$(BIN)/python -m benchmarks.stopping $(ARGS)

bench-hostile: $(VENV)/ready-dev  ## what clients that read nothing or flood do to the others, and their memory: 20 minutes
	@$(BIN)/python -m benchmarks.hostile $(ARGS)

bench-takeover: $(VENV)/ready-dev  ## how long readers wait when workers are killed or leave: real stack, 15 minutes
	@$(BIN)/python -m benchmarks.takeover $(ARGS)

bench-sockets: $(VENV)/ready-dev  ## ten thousand sockets on one edge for ten minutes, then kill -9: real Kafka, 15 minutes
	@$(BIN)/python -m benchmarks.sockets $(ARGS)

bench-unicast: $(VENV)/ready-dev  ## distinct frames a second that one edge hands to as many sockets: real Kafka, 3 minutes
	@$(BIN)/python -m benchmarks.unicast $(ARGS)

lock: $(VENV)/ready-dev  ## resolve the versions again
	@$(call compile,dev,--upgrade --extra dev)
	@$(call compile,local,--constraint locks/dev.txt --extra local)
	@for role in $(ROLES); do $(call compile,$$role,--constraint locks/dev.txt --extra $$role) || exit 1; done
	@echo uv | $(BIN)/uv pip compile - --universal --python-version 3.11 --generate-hashes --no-annotate --quiet \
		--custom-compile-command "make lock" --output-file locks/uv.txt

clean:  ## remove what was installed into the checkout (conversations stay)
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .hypothesis

define compile
$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --quiet \
	--custom-compile-command "make lock" --output-file locks/$(1).txt $(2)
endef

# Installing: the interpreter, uv by its hash, then a role's locked and hashed packages, then this checkout.
$(VENV)/ready-%: locks/%.txt pyproject.toml | $(BIN)/uv
	@echo "Installing into $(VENV) ..." >&2
	@VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --require-hashes --requirement locks/$*.txt
	@VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/uv: locks/uv.txt
	@test -n "$(PYTHON)" || { echo "Samvad needs Python 3.11, 3.12 or 3.13, and none was found on this machine's PATH." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python can't make environments here. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement locks/uv.txt
	@touch $@
