PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCALSTACK := build/localstack
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --custom-compile-command "make lock" -q

.PHONY: help up install develop test test-fast localstack lint format bench bench-relay bench-records fuzz soak chaos synth openapi refusals conformance diagrams lock image-check system-packages clean

help:
	@echo "make up         install what is needed and run the whole product here (ovc up)"
	@echo "make install    only prepare $(VENV) with the ovc command in it"
	@echo "make test       all tests; installs SIPp, Node.js, kamailio, rtpengine, baresip, linphone and tshark when it may"
	@echo "make test-fast  the tests that need no socket and no system package"
	@echo "make localstack the stacks, deployed to LocalStack without Docker, and a call through them"
	@echo "make lint       ruff and mypy --strict"
	@echo "make bench      the benchmarks behind docs/performance.md"
	@echo "make bench-relay  our media worker beside rtpengine; fails when a packet costs us more"
	@echo "make bench-records  from the end of a call to its record (RATE=100 SECONDS=60); fails when it is late"
	@echo "make fuzz       a million inputs that nobody would send (INPUTS=1000000 SEED=...)"
	@echo "make soak       twenty minutes of mixed calls (MINUTES=20 RATE=100): what is left behind?"
	@echo "make chaos      ten minutes of killed edges and failing AWS (MINUTES=10 SEED=...): is every call billed right?"
	@echo "make synth      the CloudFormation templates, without Docker or credentials"
	@echo "make image-check  the edge's image for both architectures without Docker; as root it runs too"
	@echo "make openapi    docs/openapi.json, the API's description, from the code"
	@echo "make refusals   docs/refusals.md, every reason of a refusal, from the code"
	@echo "make conformance  docs/conformance.md, every rule of EDGE.md with its tests"
	@echo "make diagrams   docs/diagrams/*.svg, from the texts beside them"
	@echo "make lock       write requirements/*.txt anew from pyproject.toml"

up: install
	@$(BIN)/ovc up

install: $(VENV)/.runtime
develop: $(VENV)/.development

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit(f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV) (once; about a minute) ..."
	@$(PIP) install --require-hashes -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation -e . 2>/dev/null || $(PIP) install --no-deps -e .
	@touch $@

$(VENV)/.development: requirements/development.txt $(VENV)/.runtime
	@$(PIP) install --require-hashes -r requirements/development.txt
	@touch $@

$(VENV)/.bench: requirements/bench.txt $(VENV)/.runtime
	@$(PIP) install --require-hashes -r requirements/bench.txt
	@touch $@

# LocalStack clashes with what the project needs, and so has an environment of its own.
$(LOCALSTACK)/venv/.installed: requirements/localstack.txt $(wildcard tests/localstack/plugin/*.toml tests/localstack/plugin/*/*.py) | $(BIN)/python
	@echo "Installing LocalStack into $(LOCALSTACK) (once; about two minutes) ..."
	@$(BIN)/python -m venv $(LOCALSTACK)/venv
	@$(LOCALSTACK)/venv/bin/python -m pip --disable-pip-version-check -q install --require-hashes -r requirements/localstack.txt \
		|| { echo "LocalStack cannot be installed: what stands above says why. Its packages come from the package index (pip's index-url or PIP_INDEX_URL), which has to be reachable this once." >&2; exit 1; }
	@rm -rf $(LOCALSTACK)/plugin && cp -R tests/localstack/plugin $(LOCALSTACK)/plugin
	@$(LOCALSTACK)/venv/bin/python -m pip --disable-pip-version-check -q install --no-deps --no-build-isolation $(LOCALSTACK)/plugin
	@touch $@

$(LOCALSTACK)/node/.installed: tests/localstack/package.json tests/localstack/package-lock.json
	@mkdir -p $(LOCALSTACK)/node
	@cp tests/localstack/package.json tests/localstack/package-lock.json $(LOCALSTACK)/node
	@npm ci --prefix $(LOCALSTACK)/node --no-audit --no-fund --ignore-scripts --loglevel=error \
		|| { echo "The CDK CLI cannot be installed: what stands above says why. It comes from the npm registry, which has to be reachable this once." >&2; exit 1; }
	@touch $@

system-packages:
	@./scripts/system-packages sip-tester sipvicious nodejs npm kamailio kamailio-tls-modules \
		baresip-core linphone-cli rtpengine-daemon tshark

test: develop system-packages
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

test-fast: develop
	@$(BIN)/python -m pytest -m "not sockets and not sipp and not interop and not node and not localstack" -n 2

localstack: develop
	@./scripts/system-packages nodejs npm sip-tester
	@$(MAKE) --no-print-directory $(LOCALSTACK)/venv/.installed $(LOCALSTACK)/node/.installed
	@$(BIN)/python -m pytest -m localstack tests/localstack

lint: develop
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: develop
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: develop $(VENV)/.bench
	@$(BIN)/python -m bench

bench-relay: develop
	@./scripts/system-packages rtpengine-daemon gcc libssl-dev
	@$(BIN)/python -m bench.relay

bench-records: develop
	@./scripts/system-packages sip-tester
	@$(BIN)/python -m bench.records --rate $(or $(RATE),100) --seconds $(or $(SECONDS),60)

fuzz: develop
	@$(BIN)/python -m tests.fuzz --inputs $(or $(INPUTS),1000000) $(if $(SEED),--seed $(SEED))

soak: develop
	@./scripts/system-packages sip-tester
	@$(BIN)/python -m bench.soak --minutes $(or $(MINUTES),20) --rate $(or $(RATE),100)

chaos: develop
	@$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

synth: develop
	@$(BIN)/python app.py

image-check: develop
	@$(BIN)/python -m tests.image

openapi: develop
	@$(BIN)/python -m scripts.openapi

refusals: develop
	@$(BIN)/python -m scripts.refusals

conformance: develop
	@$(BIN)/python -m scripts.conformance

diagrams: develop
	@./scripts/system-packages graphviz
	@$(BIN)/python -m scripts.diagrams

lock: develop
	@$(PIP) install uv
	@$(LOCK) pyproject.toml -o requirements/runtime.txt
	@$(LOCK) pyproject.toml --group dev -o requirements/development.txt
	@$(LOCK) --group pyproject.toml:bench -o requirements/bench.txt
	@$(LOCK) --group pyproject.toml:localstack -o requirements/localstack.txt
	@$(LOCK) --group pyproject.toml:lambda -c requirements/runtime.txt -o requirements/lambda.txt
	@$(LOCK) --group pyproject.toml:edge -c requirements/runtime.txt -o requirements/edge.txt

clean:
	@rm -rf $(VENV) build dist cdk.out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
