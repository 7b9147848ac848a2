# Install into a virtual environment of the checkout, and run what a newcomer or a reviewer runs.
# VENV names another environment, PYTHON another interpreter: make demo PYTHON=python3.12 VENV=/scratch/venv

VENV ?= .venv
PYTHON ?= python3

# Rules call `python`: it is the environment's.
export PATH := $(abspath $(VENV))/bin:$(PATH)

# Whether the environment has a Python that is new enough, a pip that starts, and the script that activates it.
usable = $(VENV)/bin/python -c 'import sys, pip._internal.commands.install; sys.exit(sys.version_info < (3, 11))' 2> /dev/null \
	&& { test ! -f $(VENV)/pyvenv.cfg || test -f $(VENV)/bin/activate; }
packages = $(VENV)/lib/python*/site-packages
# What `python -m venv` would keep of a killed one, or of one whose Python is too old or gone. It completes the rest.
forget_python = { test ! -f $(VENV)/pyvenv.cfg || rm -rf $(VENV)/bin/python* $(packages)/pip $(packages)/pip-*.dist-info; }
# A package without a list of its files was being installed when pip was killed; pip would take it for whole.
forget_half_installed = test ! -f $(VENV)/pyvenv.cfg || for info in $(packages)/*.dist-info; do \
	test ! -d "$$info" || test -s "$$info/RECORD" || rm -r "$$info"; done
install = @$(forget_half_installed); echo 'Installing into $(VENV): a few minutes, once'; \
	$(VENV)/bin/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable
benchmarks = sweep startup memory overhead attention_overhead localisation
example = data/examples/scene.png 'a blue dog below a brown robot'
sources = constraints.txt pyproject.toml

.PHONY: help explain demo test soak check docs bench FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

explain: $(VENV)/.installed ## install, then explain a shipped picture by the embedded model: no GPU, no network
	infodecomp explain $(example) --out results/explain

demo: $(VENV)/.installed ## install, then run the embedded study: no GPU, no network
	snakemake --cores all

test: $(VENV)/.installed-test ## install, then run the tests
	python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

soak: $(VENV)/.installed-test ## install, then change 2,000 files of a tiny study, one after another (hours; docs/reliability.md)
	INTEGRITY_CELLS=$${INTEGRITY_CELLS:-2000} python -m pytest --capture=no tests/workflow/test_integrity.py

check: $(VENV)/.installed-dev ## install, then check style, types and rules
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile rules
	snakemake --lint

docs: $(VENV)/.installed-docs ## install, then build the site of the documentation into site/
	NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict --quiet
	@echo 'site/index.html'

bench: $(VENV)/.installed ## install, then measure: evaluations, time, memory (15 minutes; docs/performance.md)
	@missed=; for name in $(benchmarks); do \
		python benchmarks/$$name.py --json results/benchmarks/$$name.json || missed="$$missed $$name"; \
	done; if [ -n "$$missed" ]; then echo "targets missed:$$missed"; exit 1; fi

FORCE:

# Looked at by every target. Its date is that of the environment: what was installed before is installed again.
$(VENV)/.environment: FORCE
	@if $(usable); then test -f $@ || touch -r $(VENV)/bin/python $@; else $(forget_python) && \
		$(PYTHON) -c 'import sys; sys.exit("needs Python 3.11 or newer: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)' \
		&& $(PYTHON) -m venv $(VENV) && touch $@; fi

$(VENV)/.installed: $(sources) $(VENV)/.environment
	$(install) .
	@touch $@

$(VENV)/.installed-test: $(sources) $(VENV)/.environment
	$(install) '.[test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: $(sources) $(VENV)/.environment
	$(install) '.[test,dev,docs]'
	@touch $@ $(VENV)/.installed $(VENV)/.installed-test $(VENV)/.installed-docs

$(VENV)/.installed-docs: $(sources) $(VENV)/.environment
	$(install) '.[docs]'
	@touch $@ $(VENV)/.installed
