# Everything sets itself up: a machine needs Rust, Python 3.11 or newer, and make.
# What has been set up is remembered by stamp files inside .venv, so they vanish with what they vouch for.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Name a Python with `make PYTHON=/path/to/python3.12 test`; it counts when .venv is made.
export PYTHON
export PATH := $(PATH):$(HOME)/.cargo/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export VIRTUAL_ENV := $(CURDIR)/.venv
export PYO3_PYTHON := $(CURDIR)/.venv/bin/python
unexport CONDA_PREFIX # maturin refuses to choose between two environments

BIN := .venv/bin
RUST := Cargo.toml Cargo.lock $(shell find rust -name '*.rs')
SAY = @printf '\n==> %s\n'

.PHONY: help demo test test-deep lint lint-rust lint-python bench wheel clean need-cargo FORCE

help: ## list these targets
	@echo "neocalc: depreciation of GPU fleets, exact to the cent"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.built ## build, compare four years with six for CoreWeave, and write neocalc-demo.html
	$(SAY) "Demo: CoreWeave's first quarter of 2025"
	@$(BIN)/neocalc demo -o neocalc-demo.html

test: .venv/.dev .venv/.built ## run every test: the Rust core without Python, then the package and its docs
	$(SAY) "Rust core, without Python"
	@cargo test --locked
	$(SAY) "Python: tests, README, docstrings"
	@$(BIN)/python -m pytest -n auto --dist worksteal

test-deep: .venv/.dev .venv/.built ## a million assets, loans and covenant tests, 100,000 histories against oracles, long property tests (two hours)
	$(SAY) "Rust core: 10,000 cases a property"
	@PROPTEST_CASES=10000 cargo test --locked --release
	$(SAY) "Python: 100,000 histories of up to 12 events, 100 lives of 50 steps"
	@NEOCALC_DEEP=1 $(BIN)/python -m pytest -s tests/test_oracle_events.py tests/test_event_machine.py tests/test_event_invariants.py
	$(SAY) "Python: a million assets, loans and covenant tests, 10,000 examples a property"
	@NEOCALC_DEEP=1 NEOCALC_HYPOTHESIS_PROFILE=deep $(BIN)/python -m pytest -s tests/test_oracle.py tests/test_totals.py tests/test_invariants.py tests/test_amortize.py tests/test_facilities.py tests/test_loan_invariants.py tests/test_floating.py tests/test_carrying.py \
		tests/test_covenant_oracle.py tests/test_covenant_invariants.py tests/test_waterfall.py tests/test_deal.py

lint: lint-rust lint-python ## format, lints, types, stubs and layers, for Rust and Python

lint-rust: .venv/.created
	$(SAY) "cargo fmt"
	@cargo fmt --check
	$(SAY) "cargo clippy, without Python"
	@cargo clippy --locked --all-targets -- -D warnings
	$(SAY) "cargo clippy, with the binding"
	@cargo clippy --locked --all-targets --features python -- -D warnings
	$(SAY) "the core needs no Python"
	@tree=$$(cargo tree --locked --prefix none) && \
	if echo "$$tree" | grep -E '^(pyo3|numpy)[ -]'; then echo "the core must build without these" >&2; exit 1; \
	else echo "cargo tree: $$(echo "$$tree" | wc -l) package(s) with those of the tests, neither pyo3 nor numpy"; fi

lint-python: .venv/.dev .venv/.built
	$(SAY) "ruff"
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	$(SAY) "mypy --strict"
	@$(BIN)/mypy
	$(SAY) "stubs of the compiled module"
	@MYPYPATH=python $(BIN)/python -m mypy.stubtest neocalc._core --allowlist scripts/stubtest-allowlist.txt
	$(SAY) "layers"
	@$(BIN)/lint-imports --config pyproject.toml
	$(SAY) "file sizes"
	@$(BIN)/python scripts/check_files.py

bench: .venv/.bench .venv/.built ## measure speed on this machine (see benches/README.md)
	$(SAY) "Benchmarks"
	@$(BIN)/python benches/run.py

wheel: .venv/.wheel ## build the one wheel and prove it on every Python found here
	$(SAY) "Building the wheel and proving it"
	@$(BIN)/python scripts/prove_wheel.py

clean: ## remove all that make has made
	rm -rf .venv target dist neocalc-demo.html .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	rm -f python/neocalc/_core*.so

need-cargo:
	@sh scripts/need.sh cargo

.venv/.created: scripts/need.sh | need-cargo
	@python=$$(sh scripts/need.sh python) || exit 1; \
	printf '\n==> %s\n' "Making .venv with $$python"; \
	test -x $(BIN)/python || "$$python" -m venv .venv || { rm -rf .venv; \
	echo "$$python cannot make a virtual environment: install its venv module (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1" "maturin>=1.16,<2"
	@touch $@

.venv/.dev: pyproject.toml .venv/.created
	$(SAY) "Installing what tests and lints need"
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@

.venv/.bench: pyproject.toml .venv/.created
	$(SAY) "Installing what the benchmarks compare with"
	@$(BIN)/python -m pip install --quiet --group bench
	@touch $@

.venv/.wheel: pyproject.toml .venv/.created
	$(SAY) "Installing what building a portable wheel needs"
	@$(BIN)/python -m pip install --quiet --group wheel
	@touch $@

.venv/.built: $(RUST) pyproject.toml .venv/.created $(if $(wildcard python/neocalc/_core*.so),,FORCE) | need-cargo
	$(SAY) "Building neocalc (release) into .venv"
	@$(BIN)/maturin develop --release --locked --extras pandas
	@touch $@

FORCE:
