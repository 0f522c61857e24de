# One line a task. On a machine without uv, uv goes into a private folder of the checkout first.
# `make demo` and `make test` install what they need; a second run sets up in a second or two.

SHELL := /bin/sh
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS ?= automatic
unexport VIRTUAL_ENV
# Without bytecode each program compiles all that it imports again, which is most of its start: 5 s of CPU in place of 2.
unexport PYTHONDONTWRITEBYTECODE

# A pyenv shim named python3.13 may exist and fail, and shims may be off the PATH: take the first one that runs.
PY := $(firstword $(foreach p,python3.13 $(wildcard $(PYENV_ROOT)/versions/3.13*/bin/python3.13 $(HOME)/.pyenv/versions/3.13*/bin/python3.13),$(shell $(p) -c "import sys;print(sys.executable)" 2>/dev/null)))
UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
RUN := $(UV) run --no-sync
BUDGET ?= 15m
CASES ?= 10000000
SEED ?= 1

.PHONY: demo test test-long fuzz check docs format bench sync sdks clean

demo: sync
	@$(RUN) pretrade demo

# A third worker computes while two wait for clocks; each takes a stretch of files, whose worlds start once.
test: sync sdks
	$(RUN) pytest -n 3 --dist worksteal -m "not long"

test-long: sync sdks
	$(RUN) python tests/long.py --budget $(BUDGET)

# The decoder and the front door under mutated bytes, for hours, a line a round; what fails says how to run its round again.
fuzz: sync
	$(RUN) python -m tests.hostile.fuzzing --cases $(CASES) --seed $(SEED)

check: sync
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) python -m pretrade.cli.reference --check

docs: sync
	$(RUN) python -m pretrade.cli.reference

format: sync
	$(RUN) ruff check --fix
	$(RUN) ruff format

bench: sync
	$(RUN) python bench/run.py

sync: $(filter .tools/%,$(UV))
	@$(UV) sync --locked --all-extras --quiet $(if $(PY),--python $(PY))

# The client libraries that need environments of their own: one overwrites another's files, one is TypeScript.
sdks: sync
	@$(RUN) python tests/sdks/setup.py $(UV)

.tools/bin/uv:
	@echo "uv is not installed: putting it into .tools (once)"
	@python3 -m venv .tools && .tools/bin/pip install --quiet --disable-pip-version-check uv
	@echo '*' > .tools/.gitignore

clean:
	rm -rf .venv .venv-sdks .venv-deploy .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
