# Everything runs in .venv, made here with what constraints.txt names. Dagster keeps its own files in .dagster.
PYTHON ?= python3
BIN := .venv/bin
# Tests write thousands of small files, and wait 3 ms for a disk with each: in memory, where that has 4 GB and may run scripts.
SCRATCH := $(shell findmnt -bno AVAIL,OPTIONS /dev/shm 2>/dev/null | tail -1 | awk '$$1 > 4e9 && !/noexec/ { print "TMPDIR=/dev/shm" }')
PYTEST := $(SCRATCH) $(BIN)/pytest
# Four on two cores: slow tests wait for a third of their time, for processes and for Dagster's daemon. Six take as long.
WORKERS := -n 4 --dist worksteal
# Where it is set, each process compiles the project anew: 13 s for each worker.
unexport PYTHONDONTWRITEBYTECODE
export DAGSTER_HOME := $(CURDIR)/.dagster
export DAGSTER_DISABLE_TELEMETRY := yes

.PHONY: help install demo ui check soak quick test lint types pytest screenshots shipping programs corpus docs constraints bench newcomer clean
help:
	@echo "make install   into .venv; all others do it, too, where it is needed"
	@echo "make demo      collect three hours of two simulated domains and show what came of it"
	@echo "make ui        Dagster's web interface on the same data, http://127.0.0.1:3000"
	@echo "make quick     style, types and the tests that take no process and no run of Dagster: for every change"
	@echo "make test      style, types and all tests"
	@echo "make soak      the long tests: random orders of everything that goes wrong, random kills, a big day; half an hour"
	@echo "make programs  the tests with rsyslogd, jq, logrotate, journalctl, pflogsumm, eximstats, dovecot, exim, postfix, postgresql and libpff, which they need"
	@echo "make corpus    the tests with data of others: make corpus CORPUS=FOLDER"
	@echo "make bench     measure the collector against a straightforward one"
	@echo "make newcomer  follow README in a fresh clone with a fresh virtual environment"
	@echo "make check     load the settings and definitions and say what is wrong with them"
	@echo "make screenshots  look at the web interface in chromium, as people do, and write the pictures of the pages"
	@echo "make docs      write the pages and the schema that come from the code anew"
	@echo "make constraints  resolve the newest versions that setup.cfg allows"
	@echo "make clean     remove .venv, .postfix and caches; data stay"

.venv/installed: setup.cfg pyproject.toml constraints.txt
	@echo "Installing into .venv; this takes a minute or two the first time ..."
	@$(PYTHON) -m venv .venv || { echo "python3 -m venv failed. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

.dagster/dagster.yaml: dagster.yaml
	@mkdir -p .dagster
	@cp dagster.yaml $@

install: .venv/installed

demo: .venv/installed .dagster/dagster.yaml
	@$(BIN)/mailevents demo

# Started in its own folder: Dagster warns of a dagster.yaml in the current folder that is not in force.
ui: .venv/installed .dagster/dagster.yaml
	@cd .dagster && PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONWARNINGS='ignore:Function `dev_command` is superseded' \
		dagster dev --workspace ../workspace.yaml

# One a core: fast tests seldom wait, and each worker more loads all of them anew, which takes a core 5 s.
quick: lint types
	$(PYTEST) -n 2 --dist worksteal -m "not slow and not browser and not programs and not corpus"

test: lint types pytest

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

pytest: .venv/installed
	$(PYTEST) $(WORKERS) --durations=25 --durations-min=1

soak: .venv/installed
	MAILEVENTS_INTERLEAVINGS=1000 MAILEVENTS_KILLS=200 MAILEVENTS_DAY=5000 MAILEVENTS_WEEKS=200 $(PYTEST) $(WORKERS) \
		mailevents_dagster_tests/test_interleavings.py \
		mailevents_dagster_tests/test_interleavings_of_other_apis.py mailevents_dagster_tests/test_day.py \
		mailevents_dagster_tests/sources/uzmanposta/test_kills.py \
		mailevents_dagster_tests/sources/maillog/test_kills.py mailevents_dagster_tests/deliveries/test_kills.py \
		mailevents_dagster_tests/sources/mailbox/test_kills.py \
		mailevents_dagster_tests/sources/webhook/test_kills.py \
		mailevents_dagster_tests/collecting/test_planning_week.py
	MAILEVENTS_KILLS=200 $(BIN)/pytest -m programs \
		mailevents_dagster_tests/sources/mailbox/delivery/test_delivering_kills.py

screenshots: .venv/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,browser]'
	MAILEVENTS_IMAGES=docs/images $(BIN)/pytest -m browser

# `shipping` is what it was called before.
programs shipping: .venv/installed .postfix
	$(PYTEST) -n 2 --dist loadfile -m programs

# Debian lets one mail server be installed, and the tests start two: unpacked, Postfix is in nobody's way.
.postfix:
	@rm -rf .postfix.new && mkdir .postfix.new
	@cd .postfix.new && apt-get download -qq postfix && dpkg -x postfix_*.deb . && rm postfix_*.deb
	@mv .postfix.new .postfix

corpus: .venv/installed
	MAILEVENTS_CORPUS="$(abspath $(CORPUS))" $(PYTEST) -n 2 --dist loadfile -m corpus

check: .venv/installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dg check defs

docs: .venv/installed
	$(BIN)/python docs/generate.py

constraints:
	$(PYTHON) -m venv .venv-fresh
	.venv-fresh/bin/python -m pip install --quiet '.[test,browser]'
	{ sed -n '/^#/p' constraints.txt; .venv-fresh/bin/python -m pip freeze --exclude mailevents-dagster; } > constraints.new
	mv constraints.new constraints.txt
	rm -rf .venv-fresh build

bench: .venv/installed
	$(BIN)/python benchmarks/budget.py
	$(BIN)/python benchmarks/collector.py
	$(BIN)/python benchmarks/verify.py
	$(BIN)/python benchmarks/checks.py
	$(BIN)/python benchmarks/summaries.py
	$(BIN)/python benchmarks/after.py
	$(BIN)/python benchmarks/start.py
	$(BIN)/python benchmarks/backfill.py
	$(BIN)/python benchmarks/warm.py
	$(BIN)/python benchmarks/large_hour.py
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/web.py
	$(BIN)/python benchmarks/mail_log.py
	$(BIN)/python benchmarks/outbox.py
	$(BIN)/python benchmarks/receiver.py
	$(BIN)/python benchmarks/deliverability.py

newcomer:
	$(PYTHON) .ci/newcomer

clean:
	rm -rf .venv .postfix .mypy_cache .ruff_cache .pytest_cache build *.egg-info
