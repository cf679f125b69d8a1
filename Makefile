# Every verb sets up what it needs (tools/setup) and is quick the second time.
.DEFAULT_GOAL := help
.PHONY: help setup setup-runtime demo test run bench soak fuzz lint format constraints clean

BIN := .venv/bin
ARGS ?=

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 14

setup: ## Install all that tests and demo need (Debian packages too: needs root or sudo)
	@tools/setup dev

setup-runtime:
	@tools/setup runtime

demo: setup-runtime ## A whole visit, unattended: terminal calls, family accepts, money runs out, CDR (ARGS="--visits 4")
	@$(BIN)/kinbridge demo $(ARGS)

run: setup-runtime ## Leave a gateway running with the demo facility; prints the page to open
	@$(BIN)/kinbridge run $(ARGS)

test: setup ## All tests and checks, on two workers (ARGS="tests/billing -k hold")
	@$(BIN)/python -m pytest -n 2 $(ARGS)

bench: setup ## Measure what a visit costs; writes bench-out/bench.json
	@$(BIN)/python -m tests.bench $(ARGS)

soak: setup ## Four visits at once for ten minutes, relayed and transcoded
	@$(BIN)/python -m pytest -m soak -s --ignore=tests/fuzz $(ARGS)

fuzz: setup ## A million damaged packets, a hundred thousand damaged descriptions and STUN messages
	@$(BIN)/python -m pytest -m soak tests/fuzz $(ARGS)

lint: setup ## Style, types and import arrows
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo

format: setup ## Put the code into its format
	@$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format .

constraints: setup ## Pin the newest allowed releases in constraints.txt
	@tools/constraints

clean: ## Remove what make made, .venv too
	rm -rf .venv demo-out run-out bench-out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	    .import_linter_cache tests/support/firefox/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
