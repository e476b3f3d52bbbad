# What is done often; `just` lists it.

default:
    @just --list

# A virtual environment with everything that development needs
setup:
    python -m venv .venv
    .venv/bin/pip install -e ".[dev]" -c constraints.txt

# Lint, format and types
check:
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .
    .venv/bin/basedpyright

# All tests but the slow ones
test *ARGS:
    .venv/bin/pytest -n auto {{ARGS}}

# The tests that start no process and take an instant each: while one thinks
test-quick *ARGS:
    .venv/bin/pytest -n auto -m "not slow and not process and not long" {{ARGS}}

# The tests that take minutes: kills, full disks, fuzzing, recipes
test-slow *ARGS:
    .venv/bin/pytest -m slow {{ARGS}}

# The bars on speed and growth; FOLDER holds mnist.parquet and the fashion pool
bench FOLDER *ARGS:
    .venv/bin/python -m benchmarks --data {{FOLDER}} {{ARGS}}

# What the pages show: the reference, printed output and pictures; of the PAGES named, or all
docs *PAGES:
    .venv/bin/python docs/reference.py
    .venv/bin/python docs/make.py {{PAGES}}
