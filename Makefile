# `make` alone tells what there is. Needs GNU make, a POSIX shell and any Python from 3.11 on; the rest it installs into .venv.
.PHONY: deviations help demo test torture check format bench engines environment clean
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
	@echo 'make torture       the long battery: 1,000 kills, 100,000 broken files, crashes, full disks (an hour)'
	@echo 'make check         formatter, linter, types, import contracts'
	@echo 'make format        let the formatter and the linter mend what they can'
	@echo 'make bench         beside Keras, scikit-learn and hand-written JAX (ARGS="--quick --only mlp,cnn" a part)'
	@echo 'make engines       which operations each engine has a rule for: writes docs/engines.md'
	@echo 'make coverage-keras  how many names of Keras there are, by module (ARGS=--all lists what is missing)'
	@echo 'make deviations    how far the numbers are from those of Keras, by class, into docs/deviations.md (minutes)'
	@echo 'make environment   only make .venv (EXTRAS=dev)'
	@echo 'make clean         remove .venv, .bench, demo/ and all caches'
	@echo
	@echo 'GAZELLE_PYTHON=python3.12 make ... picks one Python instead of the newest.'

environment:
	$(call environment,$(EXTRAS))

demo:
	$(call environment,examples)
	@$(PYTHON) -m gazelle run examples/article.py

test:
	$(call environment,dev)
	@$(PYTHON) -m pytest -n auto --dist worksteal $(ARGS)

torture:
	$(call environment,dev)
	@GAZELLE_TORTURE=1 $(PYTHON) -m pytest tests/torture tests/saving tests/compat -n auto --dist worksteal $(ARGS)

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

bench:
	$(call environment,dev)
	@$(PYTHON) benchmarks/runner.py $(ARGS)

coverage-keras:
	$(call environment,dev)
	@$(PYTHON) scripts/coverage_keras.py $(ARGS)

engines:
	$(call environment,dev)
	@$(PYTHON) scripts/engines.py

deviations:
	$(call environment,dev)
	@$(PYTHON) scripts/deviations.py $(ARGS)

clean:
	rm -rf .venv .bench demo build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
