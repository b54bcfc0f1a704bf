# Every verb of the project; `make help` lists them. A bare machine needs python3 (3.11 or newer), python3-venv and make.
# Everything made here lands in .venv and .local.
PYTHON ?= python3
PORT   ?= 8000
ARGS   ?= -n 2 --dist loadfile --no-loadscope-reorder
BIN    := .venv/bin
UV     := $(shell command -v uv 2>/dev/null || echo .local/uv/bin/uv)

# Whom this machine trusts, where it says so: a company's proxy may sign for the registry.
CERTS  := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),--system-certs)

.DEFAULT_GOAL := help
.PHONY: help demo test check prove up stop clean lock

help:  ## what can be asked for
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

demo: .venv/.run  ## set everything up and serve the Backoffice with demo data at http://127.0.0.1:8000 (PORT=… moves it)
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py collectstatic --verbosity 0 --no-input
	@PORT=$(PORT) exec $(BIN)/python manage.py demo

test: .venv/.dev  ## the whole test suite on a PostgreSQL of its own (ARGS=tests/… runs a part, in one process)
	@$(BIN)/python -m pytest $(ARGS)

check: .venv/.dev  ## style, types, imports, templates, migrations, production settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/djlint --lint --quiet templates
	DJANGO_SETTINGS_MODULE=backoffice.settings.test $(BIN)/python manage.py makemigrations --check --dry-run
	@echo "manage.py check --deploy, with the production settings"
	@$(THROWAWAY); $(BIN)/python manage.py check --deploy --fail-level WARNING

prove: .venv/.dev  ## measure one promise: make prove P=order [SIZE=n]
	@$(BIN)/python -m tests.proofs $(P) $(SIZE)

up: .env  ## the same product on docker-compose, at https://localhost
	docker compose up --build --wait

.env: .env.example
	@test ! -e $@ || { echo ".env.example is newer than .env: compare them, then touch .env"; exit 1; }
	@umask 077 && $(PYTHON) backoffice/deploy/new_env.py > $@ && echo "Wrote .env with fresh secrets; keep a copy."

stop:  ## stop this checkout's PostgreSQL
	-@test ! -x $(BIN)/python || $(BIN)/python manage.py localdb stop

clean: stop  ## stop the server and remove everything that was made here, the demo's data included
	-@test ! -x $(BIN)/python || $(BIN)/python manage.py localdb destroy
	rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .hypothesis

lock: $(UV)  ## write the hashed lock files anew from pyproject.toml
	@$(COMPILE) --group pyproject.toml:bootstrap --output-file requirements/bootstrap.txt >/dev/null
	@$(COMPILE) pyproject.toml --extra local --output-file requirements/run.txt >/dev/null
	@$(COMPILE) pyproject.toml --extra local --group test --group lint --constraints requirements/run.txt --output-file requirements/dev.txt >/dev/null

COMPILE = $(UV) pip compile $(CERTS) --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

# A new installation's settings, for the length of one check; nothing is contacted.
THROWAWAY = set -a; eval "$$($(BIN)/python backoffice/deploy/new_env.py)"; \
  DJANGO_SETTINGS_MODULE=backoffice.settings.prod; DATABASE_URL=postgresql://openremit_app@localhost/openremit

.local/uv/bin/uv: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, and $(PYTHON) is not: try make PYTHON=python3.12"; exit 1; }
	@echo "Setting up the environment (once)"
	@mkdir -p .local && $(PYTHON) -m venv .local/uv >/dev/null 2>&1 || { rm -rf .local/uv; \
	  echo "$(PYTHON) cannot make a virtual environment. On Debian: apt-get install python3-venv"; exit 1; }
	@.local/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

.venv/bin/python: | $(UV)
	@$(UV) venv --quiet --no-python-downloads --python "$$(command -v $(PYTHON))" .venv

.venv/.run: requirements/run.txt | .venv/bin/python
	@$(UV) pip install $(CERTS) --quiet --python $(BIN)/python --require-hashes -r requirements/run.txt
	@touch $@

.venv/.dev: requirements/dev.txt | .venv/bin/python
	@$(UV) pip install $(CERTS) --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@ .venv/.run
