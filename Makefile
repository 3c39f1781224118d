# `make` lists the targets. Needs GNU make, a POSIX shell and Python 3.11 or newer; everything else is installed into .venv.
.PHONY: package packages record-oracle bad-arguments deviations help demo test test-all torture scale check check-boundary format bench docs engines environment clean
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python
EXTRAS := dev

# scripts/environment.py looks for the newest Python; any Python >= 3.8 can run it.
define environment
@for p in python3 python3.14 python3.13 python3.12 python3.11 python "$$GAZELLE_PYTHON" "$$HOME"/.pyenv/versions/*/bin/python3 $(PYTHON); do \
	if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; then \
		exec "$$p" scripts/environment.py $(1); \
	fi; \
done; \
echo "No Python was found. gazelle needs Python 3.11 to 3.14 on PATH, or GAZELLE_PYTHON=/path/to/python3 make ..." >&2; exit 1
endef

help: ## list the targets
	@echo 'make demo            train three models on real data: progress bars, test scores, curves in demo/'
	@echo 'make test            run the tests, without the slow cases of tests/slow.txt (ARGS="tests/layers -x" runs some)'
	@echo 'make test-all        run all tests'
	@echo 'make record-oracle   compute the results of Keras that the tests compare with, into tests/parity/recorded'
	@echo 'make torture         long tests: 1,000 kills, 100,000 damaged files, crashes, full disks (an hour)'
	@echo 'make scale           tests of several processes: 100 kills, resuming on other processes, throughput (half an hour)'
	@echo 'make check           check format, lint, types, import contracts, docstrings and wording'
	@echo 'make check-boundary  run all suites but those of compat and cli on a copy without gazelle/compat (ARGS=--fast: a subset)'
	@echo 'make format          format the code and apply automatic lint fixes'
	@echo 'make bench           compare with Keras, scikit-learn and hand-written JAX (ARGS="--quick --only mlp,cnn")'
	@echo 'make docs            build the site with the API reference, in English and Chinese, into site/'
	@echo 'make package         build the wheel and the source archive into dist/, and try the wheel on each installed Python'
	@echo 'make engines         write docs/engines.md: the operations that each engine supports'
	@echo 'make coverage-keras  count the public names of Keras that gazelle has, by module (ARGS=--all lists missing ones)'
	@echo 'make bad-arguments   write docs/bad-arguments.md: errors for wrong arguments, here and in Keras (a minute)'
	@echo 'make deviations      write docs/deviations.md: numerical differences from Keras by class (minutes)'
	@echo 'make packages        run packages built on Keras: their examples (ARGS="--suites scikeras": their own tests, too)'
	@echo 'make environment     create .venv only (EXTRAS=dev)'
	@echo 'make clean           remove .venv, .bench, .packages, demo/, site/ and all caches'
	@echo
	@echo 'GAZELLE_PYTHON=python3.12 make ... uses that Python instead of the newest one.'

environment:
	$(call environment,$(EXTRAS))

demo:
	$(call environment,examples)
	@$(PYTHON) -m gazelle run examples/article.py

test:
	$(call environment,dev)
	@$(PYTHON) -m pytest -n auto --dist worksteal $(ARGS)

test-all:
	$(call environment,dev)
	@$(PYTHON) -m pytest --all -n auto --dist worksteal $(ARGS)

record-oracle:
	$(call environment,dev)
	@GAZELLE_ORACLE=record $(PYTHON) -m pytest --all tests/parity -n auto --dist loadfile $(ARGS)

torture:
	$(call environment,dev)
	@GAZELLE_TORTURE=1 $(PYTHON) -m pytest --all tests/torture tests/saving tests/compat -n auto --dist worksteal $(ARGS)

scale:
	$(call environment,dev)
	@GAZELLE_SCALE=1 $(PYTHON) -m pytest --all tests/distribution $(ARGS)
	@$(PYTHON) benchmarks/processes.py

check:
	$(call environment,dev)
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -m mypy tests/typing
	$(PYTHON) -m pyright --pythonpath $(PYTHON)
	.venv/bin/lint-imports
	$(PYTHON) scripts/check_words.py
	$(PYTHON) scripts/check_docstrings.py

check-boundary:
	$(call environment,dev)
	$(PYTHON) scripts/check_without_compat.py -n auto $(ARGS)

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

docs:
	$(call environment,docs)
	@NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict
	@NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict --config-file mkdocs.zh-CN.yml
	@echo 'The site: site/index.html, site/zh/index.html; to search it: $(PYTHON) -m http.server --directory site'

engines:
	$(call environment,dev)
	@$(PYTHON) scripts/engines.py

bad-arguments:
	$(call environment,dev)
	@$(PYTHON) scripts/bad_arguments.py $(ARGS)

deviations:
	$(call environment,dev)
	@$(PYTHON) scripts/deviations.py $(ARGS)

packages:
	$(call environment,dev)
	@$(PYTHON) scripts/packages.py $(ARGS)

clean:
	rm -rf .venv .bench .packages demo site build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

package:
	$(call environment,dev)
	@$(PYTHON) scripts/check_package.py $(ARGS)
