# What a developer types. Every target may be run again: finished set-up is recognised by the stamp files in .venv.
#
#   make demo                        sample photographs -> bundle -> answers, and a contact sheet to look at
#   make demo PHOTOS=~/Pictures      the same for your own photos
#   make serve                       the search page and the HTTP interface on this machine
#   make install                     `thinlens` on the PATH: a link in ~/.local/bin (PREFIX=DIR: in DIR/bin)
#   make setup EXTRAS="ray ocr"      what only some need: clip, demo, ocr, publish, ray, train
#   make test                        everything: lint, types, unit, functional, training and end-to-end tests
#   make test FAST=1                 without what needs torch, Ray, a browser or servers
#   make widget                      the one file that pages embed, and the lines that embed it
#   make package                     the function as zips for AWS Lambda, in dist/ (BUNDLE=DIR puts a bundle into them,
#                                    IMAGE_QUERIES=1 what looks at pictures that are asked with,
#                                    IMAGE_QUERIES=my-photos the image tower that my-photos was indexed with)
#   make lint | format | bench       the checks alone, the formatter, the benchmarks

PYTHON ?= python3
OUT ?= thinlens-out
PORT ?= 8000
PREFIX ?= $(HOME)/.local
LINK = $(PREFIX)/bin/thinlens

BIN := .venv/bin
PINS := pyproject.toml constraints.txt
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Without build isolation, so that the pinned hatchling builds the package.
INSTALL_THIS := $(INSTALL) --no-build-isolation --editable
# Two files of tests side by side: each has servers, a browser or models of its own.
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

.DELETE_ON_ERROR:
.PHONY: setup install demo serve package test lint format bench widget browser s3 clean

setup: .venv/.app $(EXTRAS:%=.venv/.%)

install: .venv/.app
	@[ ! -e "$(LINK)" ] || [ "$(LINK)" -ef $(BIN)/thinlens ] || \
	  { echo "$(LINK) is there and isn't this Thinlens; remove it, or name another place: make install PREFIX=DIR" >&2; exit 1; }
	@mkdir -p "$(PREFIX)/bin" && ln -sf "$(CURDIR)/$(BIN)/thinlens" "$(LINK)"
	@case ":$$PATH:" in *":$(PREFIX)/bin:"*) echo "thinlens is installed: $(LINK)" ;; \
	  *) echo "thinlens is installed: $(LINK), which your shell doesn't find yet; add to its start-up file:"; \
	     echo '  export PATH="$(PREFIX)/bin:$$PATH"' ;; esac

demo: .venv/.demo
	@$(BIN)/thinlens demo $${PHOTOS:+"$$PHOTOS"} --out "$(OUT)"

serve: .venv/.app
	@$(BIN)/thinlens serve --out "$(OUT)" --port $(PORT)

package: .venv/.app
	@$(BIN)/python build/package.py $${BUNDLE:+--bundle "$$BUNDLE"} \
	  $(if $(filter-out 0,$(IMAGE_QUERIES)),--image-queries $(if $(filter-out 0 1,$(IMAGE_QUERIES)),"$(IMAGE_QUERIES)"))

ifdef FAST
# Types are checked of everything but what imports torch.
lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/mypy --exclude '/(training|conversion|hub_models)/' --follow-imports silent

test: lint .venv/.demo
	$(PYTEST) tests/unit tests/functional --ignore-glob '*/training' --ignore-glob '*/conversion' \
	  --ignore tests/functional/export/cluster
else
lint: .venv/.dev .venv/.clip
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/mypy

test: lint .venv/.demo .venv/.emulator browser s3
	$(PYTEST)
endif

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

widget: $(BIN)/python .venv/.npm
	@$(BIN)/python build/widget.py

bench: .venv/.demo .venv/.dev
	$(BIN)/python -m tests.performance

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis

# --- set-up ---

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Thinlens needs Python 3.11 or later; $(PYTHON) is older. Name another: make PYTHON=python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.app: $(PINS) | $(BIN)/python
	@echo "Installing Thinlens into .venv …"
	@$(INSTALL) hatchling
	@$(INSTALL_THIS) '.[publish]'
	@touch $@

.venv/.ocr .venv/.publish .venv/.ray: .venv/.app
	@echo "Installing what the extra $(@:.venv/.%=%) brings …"
	@$(INSTALL_THIS) '.[$(@:.venv/.%=%)]'
	@touch $@

.venv/.demo: .venv/.app
	@echo "Installing the sample photographs (they come with scikit-image and scikit-learn) …"
	@$(INSTALL_THIS) '.[demo]'
	@touch $@

.venv/.dev: .venv/.app
	@echo "Installing the tools for developers …"
	@$(INSTALL_THIS) '.[dev]'
	@touch $@

# torch alone first: asked for together with others, pip may settle on another build of it.
.venv/.train: .venv/.app
	@echo "Installing torch and what training needs …"
	@$(INSTALL) torch
	@$(INSTALL_THIS) '.[train]'
	@touch $@

# Where torch computes on processors alone, pip may find a torchvision that was built for GPUs and can't be loaded, and
# transformers would fail with it: it is put aside. Thinlens says so when it is asked for OpenCLIP; its tests do without
# what is compiled of it.
.venv/.clip: .venv/.train
	@echo "Installing OpenCLIP …"
	@$(INSTALL_THIS) '.[clip]'
	@$(BIN)/python -c 'import torchvision' 2>/dev/null || { \
	  $(BIN)/pip uninstall --quiet --yes torchvision && rm -rf .venv/torchvision && \
	  $(INSTALL) --no-deps --target .venv/torchvision torchvision; }
	@touch $@

# Of aws-sam-cli only the Lambda runtime emulator in its wheel is used, so none of its dependencies is installed.
.venv/.emulator: .venv/.dev
	@$(INSTALL) --no-deps aws-sam-cli
	@touch $@

# What makes the widget small; the file that it makes lies in the repository, so only who changes the widget needs it.
.venv/.npm: build/widget.py | $(BIN)/python
	@npm install --silent --no-save --prefix .venv/npm $$(sed -n '/^MINIFIERS = /s/[^"]*"\([a-z]*\)": "\([0-9.]*\)"[^"]*/\1@\2 /gp' $<)
	@touch $@

# Where a browser, Node.js or npm is not there and cannot be installed, the tests that need it are skipped and say so.
browser:
	@command -v chromium >/dev/null && command -v firefox-esr >/dev/null && command -v node >/dev/null && command -v npm >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing Chromium, Firefox, Node.js and npm …" && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium \
	    $$(apt-cache show firefox-esr >/dev/null 2>&1 && echo firefox-esr) \
	    $$(command -v node >/dev/null || echo nodejs) $$(command -v npm >/dev/null || echo npm) >/dev/null; \
	} || echo "Chromium, Firefox, Node.js or npm is missing and could not be installed here: the tests that need it will be skipped." >&2

# An S3 implementation that checks signatures and decides races: Ceph, on this machine alone, in memory.
s3:
	@command -v radosgw >/dev/null && command -v ceph-mon >/dev/null && command -v ceph-osd >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing Ceph's S3 gateway …" && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends radosgw ceph-mon ceph-osd >/dev/null; \
	} || echo "Ceph's S3 gateway is missing and could not be installed here: the tests that need it will be skipped." >&2
