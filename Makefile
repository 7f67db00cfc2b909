# make run: the app.   make test: the checks.   Both make .venv first, and again when the requirements change.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check build clean
.DEFAULT_GOAL := run

$(VENV)/.run: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.test: requirements-dev.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

run: $(VENV)/.run
	$(BIN)/python -m streamlit run app.py

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check
	$(BIN)/python -m pytest -n auto --dist worksteal

build: $(VENV)/.run
	$(BIN)/python -m core build

clean:
	rm -rf $(VENV)
