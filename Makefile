# Every command a person or the CI runs, under the same name.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export PATH := $(CURDIR)/.tools/venv/bin:$(PATH)

# Recorded market data and a copy of the RustSec database, used by some tests where they lie beside the checkout.
ifneq ($(wildcard ../shared/data),)
export FIN_TEST_DATA ?= $(abspath ../shared/data)
endif
ifneq ($(wildcard ../shared/advisory-db),)
export FIN_ADVISORY_DB ?= $(abspath ../shared/advisory-db)
endif

CARGO_FLAGS := --locked --release
NEXTEST := $(shell command -v cargo-nextest)
DASHBOARD := services/dashboard
DASHBOARD_SOURCES = $(shell find $(DASHBOARD) -type f \
	-not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/test*/*')

.PHONY: help setup build run test contract verify bench chaos chaos-long upgrade lint fmt reference secrets images compose-check dashboard clean-data

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

setup: ## Install every tool the other targets need (idempotent)
	@scripts/setup

build: setup-run dashboard ## Build every program (release profile, the only one)
	cargo build $(CARGO_FLAGS) --workspace --bins

run: setup-run dashboard ## Run the suite on simulated vendors; ARGS="--speed 60 --data DIR"
	@cargo build $(CARGO_FLAGS) -p fin -p vendor-sim
	@FIN_CONFIG_DIR=$${FIN_CONFIG_DIR:-config} exec target/release/fin up $(ARGS)

test: setup-test dashboard ## Run every test: contracts, dashboard, Rust, the whole suite on real servers
	scripts/check-contracts
	npm --prefix $(DASHBOARD) run check
	npm --prefix $(DASHBOARD) test
	cargo build $(CARGO_FLAGS) --workspace --bins
ifdef NEXTEST
	cargo nextest run $(CARGO_FLAGS) --workspace
else
	cargo test $(CARGO_FLAGS) --workspace
endif

contract: setup-test ## Compare the contracts with main and the last release; decode what was ever written
	scripts/check-contracts
	cargo test $(CARGO_FLAGS) -p events

verify: setup-verify build ## Run the checks that need Python, a browser or a long run
	scripts/verify

bench: build ## Measure throughput, latency, recovery; writes target/bench/latest.json; BASE=REV beside that commit
ifdef BASE
	scripts/build-revision $(BASE)
endif
	target/release/bench $(if $(BASE),--base target/revisions/bin) $(ARGS)

chaos: setup-chaos build ## Break whatever may break, compare with a calm run; SEED=1 FAULTS=200 SECONDS=420 BROKEN=PATCH
	@BROKEN="$(BROKEN)" scripts/chaos --seed $(or $(SEED),1) --faults $(or $(FAULTS),200) --seconds $(or $(SECONDS),420)

chaos-long: setup-chaos build ## The same for hours, with many seeds
	@scripts/chaos --seed $(or $(SEED),1) --faults $(or $(FAULTS),4000) --seconds $(or $(SECONDS),10800)

upgrade: setup-run build ## Upgrade a running suite from PREVIOUS=REV (the last release) to this commit in every order; ARGS="--orders 4"
	@scripts/upgrade $(ARGS)

lint: setup-lint setup-test dashboard ## Run every static check, offline
	@scripts/lint

fmt: ## Format the Rust code
	cargo fmt --all

reference: setup-run ## Make docs/reference and what else is made from the code
	scripts/reference
	FIN_WRITE_REFERENCE=1 cargo test $(CARGO_FLAGS) -p fin --test it reference::

secrets: ## Make passwords, signing key and certificate for Compose in secrets/; ARGS=--demo adds the simulator's keys
	@scripts/make-secrets secrets $(ARGS)

images: ## Build every image with Docker; HOST=1 packs the programs of `make build` on a base made here, offline
	@scripts/images $(if $(HOST),--host)

compose-check: ## Start the suite with Compose, wait for its dashboard, kill a container, see it come back; HOST=1: all made here
	@scripts/compose-check $(if $(HOST),--host)

clean-data: ## Forget what earlier runs kept (.data/ only)
	rm -rf .data

setup-%:
	@scripts/setup $*

# The page that coordinator-api embeds; rebuilt when a source is newer.
dashboard: $(DASHBOARD)/dist/index.html

$(DASHBOARD)/dist/index.html: $(DASHBOARD_SOURCES) | setup-run
	npm --prefix $(DASHBOARD) run build
	@touch $@
