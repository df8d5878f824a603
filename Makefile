# MultiFlexi: `make` alone lists what can be done. Everything is installed into .venv, nothing outside the tree.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help demo run test check format messages bench docs clean

PYTHON ?= python3
PY := .venv/bin/python
# For a part of the tests, or options of what is called: make test T=tests/unit ARGS='-k cron'
T ?=
ARGS ?=

# A shell's own Python settings must not reach into .venv.
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV
export PIP_USER := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
NO_SETTINGS := MULTIFLEXI_ENV_FILE=/dev/null DB_CONNECTION=sqlite DB_DATABASE=:memory:

DRIVERS := $(if $(TEST_PG_URL),.venv/postgresql.stamp) $(if $(TEST_MYSQL_URL),.venv/mysql.stamp)

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/base.stamp  ## Two companies, one application, one scheduled minute: see it work (state in var/demo)
	@$(PY) examples/demo/demo.py $(ARGS)

run: .venv/base.stamp  ## Run the platform in the foreground (state in var); Ctrl-C drains, a second one kills
	@$(PY) -m daemons.all --state var $(ARGS)

test: .venv/test.stamp $(DRIVERS)  ## Run the tests on SQLite, and on TEST_PG_URL and TEST_MYSQL_URL (T=path, ARGS=options)
	@$(PY) tests/run.py $(T) $(if $(ARGS),-- $(ARGS))

check: .venv/test.stamp .venv/postgresql.stamp  ## Style, types, import rules, migrations and generated pages
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(NO_SETTINGS) .venv/bin/mypy
	.venv/bin/lint-imports
	$(NO_SETTINGS) $(PY) manage.py makemigrations --check --dry-run
	$(NO_SETTINGS) $(PY) docs/generate.py --check

format: .venv/test.stamp  ## Put code into its standard form and renew the generated pages
	.venv/bin/ruff check --fix --quiet . || true
	.venv/bin/ruff format .
	$(NO_SETTINGS) $(PY) docs/generate.py

messages: .venv/test.stamp  ## Bring the translations in step with the code
	@$(PY) tools/messages.py

# What `make bench` measures: B=b1 one of them, QUICK=1 less of it, DB=sqlite|mysql another database
B ?= all
QUICK ?=
DB ?= pgsql
BENCH_DRIVERS := $(if $(filter pgsql,$(DB)),.venv/postgresql.stamp) $(if $(filter mysql,$(DB)),.venv/mysql.stamp)

bench: .venv/test.stamp $(BENCH_DRIVERS)  ## Measure and compare (B=b1 only that, QUICK=1, DB=pgsql|mysql|sqlite, ARGS=options)
	@$(PY) -m bench $(B) --db $(DB) $(if $(QUICK),--quick) $(ARGS)

docs: .venv/docs.stamp  ## Build the documentation into docs/_build/html
	$(NO_SETTINGS) $(PY) docs/generate.py
	.venv/bin/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean:  ## Remove .venv and what tools left behind; var stays
	rm -rf .venv docs/_build .mypy_cache .ruff_cache .import_linter_cache .pytest_cache

# --- the environment; a stamp is older than pyproject.toml exactly when something must be installed ---

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "MultiFlexi needs Python 3.11 or newer as $(PYTHON); name another one with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Python's venv module is missing; install it with: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making .venv with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv .venv

.venv/base.stamp: pyproject.toml | .venv/bin/python
	@echo "Installing MultiFlexi into .venv ..."
	@$(PY) -m pip install --quiet --editable .
	@$(PY) -c 'import pylibmagic, magic' 2>/dev/null || \
	  { echo "libmagic is missing and no wheel carries it here; install it with: apt-get install libmagic1" >&2; exit 1; }
	@touch $@

.venv/test.stamp: pyproject.toml | .venv/base.stamp
	@echo "Installing what the tests need into .venv ..."
	@$(PY) -m pip install --quiet --editable '.[test]'
	@touch $@ .venv/base.stamp

.venv/postgresql.stamp: pyproject.toml | .venv/base.stamp
	@echo "Installing the driver of PostgreSQL into .venv ..."
	@$(PY) -m pip install --quiet --editable '.[postgresql]'
	@touch $@ .venv/base.stamp

.venv/mysql.stamp: pyproject.toml | .venv/base.stamp
	@echo "Installing the driver of MariaDB into .venv ..."
	@$(PY) -m pip install --quiet --editable '.[mysql]' || \
	  { echo "The driver is built from source; it needs: apt-get install libmariadb-dev pkg-config gcc" >&2; exit 1; }
	@touch $@ .venv/base.stamp

.venv/docs.stamp: pyproject.toml | .venv/base.stamp
	@echo "Installing what the documentation needs into .venv ..."
	@$(PY) -m pip install --quiet --editable '.[docs]'
	@touch $@ .venv/base.stamp
