# One-liners; each installs what it needs, on a machine with only Python 3.11 or newer and make.
PYTHON ?= python3
# An older Airflow to test on, with the packages of its day: make test AIRFLOW=3.1.8 (or 3.2.2).
AIRFLOW ?=
VENV   ?= .venv$(addprefix -,$(AIRFLOW))
LOCKED := requirements/$(if $(AIRFLOW),airflow-$(AIRFLOW),dev).txt
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
BENCH  := .venv-bench
# So many files of tests are run at the same time; JOBS=0 for one after the other, in one process.
JOBS   ?= 2
CELERY := .venv-distributed

# What an older Airflow is tested with: all but this project's own benchmarks, demos and texts. A run by `dag.test`
# starts an API server a task there, so it is given more time.
OLDER  := --timeout 900 --ignore tests/benchmarks --ignore tests/demo --ignore tests/readme --ignore tests/e2e

# What stands below the Airflow line: its branch coverage is a gate.
BELOW  := */live_sessions/core/*,*/live_sessions/platforms/*,*/live_sessions/schedules/*,*/live_sessions/artifacts/*,*/live_sessions/sandbox/*

.DEFAULT_GOAL := help
.PHONY: help install demo up down test e2e distributed browser fuzz crash bench lint docs format lock lock-older env clean

help:           ## this list
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

install: $(READY) ## the virtual environment with everything in it
$(READY): pyproject.toml $(LOCKED)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r $(LOCKED)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: $(READY)  ## the main job, end to end, on a real Airflow against the sandbox; PLATFORM=... for others
	$(BIN)/python -m demo $(if $(PLATFORM),--platform $(PLATFORM))

up: $(READY)    ## an Airflow to click through, with the sandbox and the examples; until Ctrl-C or make down
	$(BIN)/python -m demo.up

down:           ## stop what make up started
	$(PYTHON) -m demo.running

ifdef AIRFLOW
test: $(READY)  ## every test, against the sandbox over real HTTP; AIRFLOW=3.1.8 or 3.2.2: on that Airflow
	$(BIN)/python -m pytest $(OLDER) -n $(JOBS) --dist loadfile $(ARGS)
else
test: $(READY)
	$(BIN)/python -m pytest --cov --cov-report=term -n $(JOBS) --dist loadfile $(ARGS)
	$(BIN)/python -m coverage report --include="$(BELOW)" --fail-under=95 --format=total
endif

e2e: $(READY)   ## what people, deploys and accidents do to waiting tasks, on a real Airflow, and the tutorial; about twenty minutes
	$(BIN)/python -m pytest e2e --timeout 900 $(ARGS)

distributed: $(CELERY)/.ready ## 200 classes on docker-compose.yaml's deployment without Docker, while parts of it fail; ARGS="--classes 20" for less
	$(CELERY)/bin/python -m distributed $(ARGS)
$(CELERY)/.ready: pyproject.toml requirements/distributed.txt
	$(PYTHON) -m venv $(CELERY)
	$(CELERY)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(CELERY)/bin/uv pip install --quiet --python $(CELERY)/bin/python -r requirements/distributed.txt
	$(CELERY)/bin/uv pip install --quiet --python $(CELERY)/bin/python --no-deps --editable .
	@touch $@

browser: $(READY) ## a person in Chromium before a real Airflow; writes docs/screenshots; some ten minutes
	$(BIN)/python -m pytest browser --timeout 900 $(ARGS)

fuzz: $(READY)  ## bad input and the search for secrets, with many more cases; FUZZ=100 for longer
	FUZZ=$(or $(FUZZ),20) $(BIN)/python -m pytest tests/fuzz tests/secrets --timeout 7200 $(ARGS)

crash: $(READY) ## the crash matrix: tasks killed wherever it matters, some half an hour; ARGS="--seeds 2" for less
	$(BIN)/python -m crash $(ARGS)

lint: $(READY)  ## ruff with Airflow's rules, mypy strict, the import floors
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

docs: $(READY)  ## the documentation as HTML in docs/_build; OFFLINE=1 (with npm): diagrams without a network
	rm -rf docs/reference/generated docs/_mermaid
	$(if $(OFFLINE),mkdir docs/_mermaid && npm pack --silent --pack-destination docs/_mermaid mermaid@$(MERMAID) && \
	  tar -xzf docs/_mermaid/mermaid-*.tgz -C docs/_mermaid --strip-components 1 --exclude '*.map' \
	  package/dist/mermaid.esm.min.mjs package/dist/chunks/mermaid.esm.min && rm docs/_mermaid/*.tgz)
	$(BIN)/python -m sphinx -b html -n -W --keep-going -q -c docs . docs/_build

MERMAID = $(shell sed -n 's/^mermaid_version = "\(.*\)"/\1/p' docs/conf.py)

bench: $(BENCH)/.ready ## what it costs and withstands, beside the released providers; ARGS=--quick for a slice
	$(BENCH)/bin/python -m benchmarks $(ARGS)
$(BENCH)/.ready: pyproject.toml requirements/bench.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(BENCH)/bin/uv pip install --quiet --python $(BENCH)/bin/python -r requirements/bench.txt
	$(BENCH)/bin/uv pip install --quiet --python $(BENCH)/bin/python --no-deps --editable .
	@touch $@

format: $(READY) ## let ruff put the code in order
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

lock: $(READY)  ## resolve requirements/dev.txt, bench.txt and distributed.txt anew
	$(BIN)/uv pip compile $(RESOLVE) --group dev --custom-compile-command "make lock" --output-file requirements/dev.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group bench --constraint requirements/dev.txt --custom-compile-command "make lock" --output-file requirements/bench.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group distributed --constraint requirements/dev.txt --custom-compile-command "make lock" --output-file requirements/distributed.txt pyproject.toml

lock-older: .venv/.ready ## resolve the older Airflows' packages as of their day
	$(call as_of,3.1.8,2026-04-01)
	$(call as_of,3.2.2,2026-07-01)

RESOLVE := --quiet --universal --python-version 3.11 --all-extras
as_of    = echo "apache-airflow==$(1)" | .venv/bin/uv pip compile $(RESOLVE) --group test --exclude-newer $(2) --constraints - --custom-compile-command "make lock-older" --output-file requirements/airflow-$(1).txt pyproject.toml

env:            ## random secrets in .env, for docker-compose.yaml
	$(PYTHON) docker/make_env.py

clean:          ## remove the environment and what the demo left
	rm -rf .venv .venv-* .run demo-output docs/_build docs/_mermaid docs/reference/generated
