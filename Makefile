.POSIX:
.SUFFIXES:
.PHONY: help run build test lint fmt bench audit

# What `.ci/prerequisites` put into this folder is on the path of every recipe.
CARGO = . .ci/path && cargo

help:
	@echo 'make run     build weir and start it with ./proxy.yaml'
	@echo 'make test    run all of the tests'
	@echo 'make build   build target/release/weir'
	@echo 'make lint    check format and lints'
	@echo 'make fmt     format the source'
	@echo 'make bench   measure what weir adds to a call'
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

bench:
	@.ci/prerequisites build
	@$(CARGO) bench --locked

audit:
	@.ci/prerequisites audit
	@.ci/audit
