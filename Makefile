# One line a task. On a machine without uv, uv goes into a private folder of the checkout first.
# `make demo` and `make test` install what they need; a second run sets up in a second or two.

SHELL := /bin/sh
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS ?= automatic
unexport VIRTUAL_ENV

# A pyenv shim named python3.13 may exist and fail, and shims may be off the PATH: take the first one that runs.
PY := $(firstword $(foreach p,python3.13 $(wildcard $(PYENV_ROOT)/versions/3.13*/bin/python3.13 $(HOME)/.pyenv/versions/3.13*/bin/python3.13),$(shell $(p) -c "import sys;print(sys.executable)" 2>/dev/null)))
UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
RUN := $(UV) run --no-sync
BUDGET ?= 15m

.PHONY: demo test test-long check docs format bench sync clean

demo: sync
	@$(RUN) pretrade demo

test: sync
	$(RUN) pytest -n 2 -m "not long"

test-long: sync
	$(RUN) python tests/long.py --budget $(BUDGET)

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

.tools/bin/uv:
	@echo "uv is not installed: putting it into .tools (once)"
	@python3 -m venv .tools && .tools/bin/pip install --quiet --disable-pip-version-check uv
	@echo '*' > .tools/.gitignore

clean:
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
