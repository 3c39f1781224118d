# `make` alone tells what there is. Needs GNU make, a POSIX shell and any Python from 3.11 on; the rest it installs into .venv.
.PHONY: help demo test check format environment clean
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python
EXTRAS := dev

# Any Python >= 3.8 can run the script that looks for the newest one; the first that really runs is taken.
define environment
@for p in python3 python3.14 python3.13 python3.12 python3.11 python "$$GAZELLE_PYTHON" "$$HOME"/.pyenv/versions/*/bin/python3 $(PYTHON); do \
	if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; then \
		exec "$$p" scripts/environment.py $(1); \
	fi; \
done; \
echo "No Python was found. gazelle needs Python 3.11 to 3.14 on PATH, or GAZELLE_PYTHON=/path/to/python3 make ..." >&2; exit 1
endef

help: ## show this text
	@echo 'make demo          train three models on real data: install, progress bar, scores, curves in demo/'
	@echo 'make test          run all tests (ARGS="tests/layers -x" runs some)'
	@echo 'make check         formatter, linter, types, import contracts'
	@echo 'make format        let the formatter and the linter mend what they can'
	@echo 'make environment   only make .venv (EXTRAS=dev)'
	@echo 'make clean         remove .venv, demo/ and all caches'
	@echo
	@echo 'GAZELLE_PYTHON=python3.12 make ... picks one Python instead of the newest.'

environment:
	$(call environment,$(EXTRAS))

demo:
	$(call environment,examples)
	@$(PYTHON) -m gazelle run examples/article.py

test:
	$(call environment,dev)
	@$(PYTHON) -m pytest -n auto $(ARGS)

check:
	$(call environment,dev)
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

format:
	$(call environment,dev)
	$(PYTHON) -m ruff check --fix-only --quiet .
	$(PYTHON) -m ruff format .

clean:
	rm -rf .venv demo build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
