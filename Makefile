# What a person does here. `make help` lists it. Everything runs in .venv, made from requirements.lock.

SHELL = /bin/sh
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
# more than cores: most of what takes long waits for processes
TESTERS ?= 4
UPGRADE ?=
DEMO ?=
MATRIX ?=
SABOTEURS ?=
KILLS ?=
SEED ?=
DOCKER ?= docker
IMAGE ?= burstd
FLUX_VERSION ?= 0.88.0
BROKER_UID ?= 0
BIN = $(VENV)/bin
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' burstd/__init__.py)
IMAGE_TAG = $(VERSION)-flux$(FLUX_VERSION)
SOURCES := $(shell find burstd -name "*.py" -o -path "*/static/*")

# PYTHONSAFEPATH keeps the source tree off sys.path, so that the tests run what is installed in $(VENV)
PYTEST = PYTHONSAFEPATH=1 $(BIN)/pytest

COMPILE = .venv-lock/bin/uv --no-config pip compile --quiet --universal --generate-hashes \
    --python-version 3.11 --no-header --no-emit-index-url --no-emit-find-links --no-annotate

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env demo demo-gke unit test kill-test crash-matrix saboteurs lint check audit wheel bench-burst bench-gke bench-why image deploy-manifests lock clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

env: $(VENV)/.made  ## make .venv from the locked versions, once

demo: $(VENV)/.made  ## a burst from end to end on this machine, in under a minute
	@$(BIN)/burstd demo $(DEMO)

demo-gke: $(VENV)/.made  ## the same to GKE, with Google's and Kubernetes' machinery played here
	@PYTHONPATH=tests $(BIN)/python -m fakes.demo_gke $(DEMO)

unit: $(VENV)/.made  ## the fast tests: no process of their own, no Flux
	$(PYTEST) -n 0 -m "not process and not real_flux"

test: $(VENV)/.made  ## every test that can run here; says at the end which could not
	$(PYTEST) -n $(TESTERS)

kill-test: $(VENV)/.made  ## kill burstd 100 times beside a real Flux: nothing left, lost or run twice; KILLS=... SEED=...
	@PYTHONPATH=tests $(BIN)/python -m kill $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

crash-matrix: $(VENV)/.made  ## every case in which burstd dies, or something fails, or both; a sample runs in test
	@PYTHONPATH=tests $(BIN)/python -m crash.matrix --workers $(WORKERS) $(MATRIX)

saboteurs: $(VENV)/.made  ## break burstd on purpose, in a copy, and see that the matrix notices each time
	@PYTHONPATH=tests $(BIN)/python -m crash.saboteurs --workers $(WORKERS) $(SABOTEURS)

lint: $(VENV)/.made  ## format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test  ## all that must hold before a change lands; needs no network once .venv stands

audit: $(VENV)/.made  ## known vulnerabilities of the locked versions; needs the network
	$(BIN)/pip-audit --requirement requirements.lock --require-hashes --disable-pip --strict

wheel: dist/.made  ## build the wheel into dist/

bench-burst: $(VENV)/.made  ## seconds from submit to start, through burstd and by hand, on a real Flux
	$(BIN)/python bench/burst.py

bench-gke: $(VENV)/.made  ## what burstd adds to the cloud's own latency, by delays that are known
	$(BIN)/python bench/gke.py

bench-why: $(VENV)/.made  ## how long `burstd why` takes while 100,000 jobs wait
	$(BIN)/python bench/why.py

image:  ## build the image for one Flux with Docker, and print its name; FLUX_VERSION=..., BROKER_UID=...
	@$(DOCKER) build --build-arg FLUX_VERSION=$(FLUX_VERSION) --build-arg BROKER_UID=$(BROKER_UID) \
	    --tag $(IMAGE):$(IMAGE_TAG) . >&2
	@echo $(IMAGE):$(IMAGE_TAG)

deploy-manifests: $(VENV)/.made  ## write the manifests in deploy/ anew, from the burstd.yaml beside them
	UPDATE_GOLDEN=1 $(PYTEST) -n 0 -q tests/deploy -k manifests_are_what_is_rendered

lock: .venv-lock/.made  ## write both lock files anew; UPGRADE=--upgrade takes newer versions
	$(COMPILE) $(UPGRADE) --group dev --output-file requirements.lock pyproject.toml
	printf 'cffi\nply\n' | $(COMPILE) --constraints requirements.lock --output-file requirements.run.lock \
	    pyproject.toml -

clean:  ## take away everything that make made
	rm -rf .venv .venv-wheel .venv-lock dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	    .import_linter_cache
	find burstd tests bench -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

define new_venv
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
    echo "burstd needs Python 3.11 or newer, and '$(PYTHON)' is older or missing:" \
         "install one, then e.g. make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
    echo "'$(PYTHON)' cannot make virtual environments: on Debian, apt-get install python3-venv" >&2; exit 1; }
@test -x $(@D)/bin/pip || { rm -rf $(@D); $(PYTHON) -m venv $(@D); }
endef

.venv/.made: requirements.lock pyproject.toml
	$(new_venv)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@touch $@

.venv-wheel/.made: requirements.lock dist/.made
	$(new_venv)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall dist/*.whl
	@touch $@

.venv-lock/.made:
	$(new_venv)
	$(@D)/bin/pip install --quiet --disable-pip-version-check uv
	@touch $@

dist/.made: $(SOURCES) pyproject.toml README.md LICENSE | .venv/.made
	rm -rf dist
	.venv/bin/python -m build --wheel --no-isolation
	@touch $@
