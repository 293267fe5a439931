.POSIX:
.SUFFIXES:
.PHONY: help run build test lint fmt fuzz bench bench-extract bench-admit audit

# What `.ci/prerequisites` put into this folder is on the path of every recipe.
CARGO = . .ci/path && cargo

help:
	@echo 'make run     build weir and start it with ./proxy.yaml'
	@echo 'make test    run all of the tests'
	@echo 'make build   build target/release/weir'
	@echo 'make lint    check format and lints'
	@echo 'make fmt     format the source'
	@echo 'make fuzz    feed the parsers broken input for FUZZ_SECONDS (60) each'
	@echo 'make bench   measure what weir adds to a call'
	@echo 'make bench-extract   measure how fast usage is read'
	@echo 'make bench-admit   measure how long budgets take to decide'
	@echo 'make audit   check licences, bans, sources and advisories of the dependencies'

run: build
	@exec "$${CARGO_TARGET_DIR:-target}/release/weir" serve --config proxy.yaml

build:
	@.ci/prerequisites build
	@$(CARGO) build --release --locked

test:
	@.ci/prerequisites build test
	@.ci/test

lint:
	@.ci/prerequisites build
	@$(CARGO) fmt --check
	@$(CARGO) clippy --locked --all-targets -- -D warnings

fmt:
	@$(CARGO) fmt

# Chance takes another course in every run; FUZZ_SEED repeats one.
fuzz:
	@.ci/prerequisites build
	@. .ci/path && FUZZ_SECONDS="$${FUZZ_SECONDS:-60}" FUZZ_SEED="$${FUZZ_SEED:-$$(date +%s)}" \
		cargo test --locked --test fuzz -- --nocapture

bench:
	@.ci/prerequisites build
	@$(CARGO) bench --locked --bench cost

bench-extract:
	@.ci/prerequisites build
	@$(CARGO) bench --locked --bench extract

bench-admit:
	@.ci/prerequisites build
	@$(CARGO) bench --locked --bench admit

audit:
	@.ci/prerequisites audit
	@.ci/audit
