# The commands a person must know: run · test · lint · bench · package · deploy. Tools land in .tools/, nothing elsewhere.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test lint bench package deploy test-dynamodb-local

PYTHON ?= python3
TARGET := aarch64-unknown-linux-gnu

TOOLS := .tools
PIP := $(TOOLS)/bin/python -m pip --quiet --disable-pip-version-check
export PATH := $(CURDIR)/$(TOOLS)/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
# `sam` wants a region even to read a file.
AWS_REGION ?= us-east-1
export AWS_REGION

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-20s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(TOOLS)/run.stamp ## the whole service on this machine (PORT, TERRAPI_DATA_DIR)
	@exec cargo run --locked --package terrapi-local

test: $(TOOLS)/test.stamp ## every test; the last ones over HTTP, through the stack that `make run` starts
	TERRAPI_MOTO_SERVER=$(CURDIR)/$(TOOLS)/bin/moto_server cargo test --locked --workspace
	cargo test --locked --workspace --test it -- --ignored --test-threads 1 smoke::

lint: $(TOOLS)/dev.stamp ## formatting, lints, dependencies, docs, template
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo deny --locked check bans licenses sources
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
	sam validate --lint

bench: $(TOOLS)/run.stamp ## latency, throughput and cost per route
	cargo run --locked --release --package terrapi-bench

package: $(TOOLS)/dev.stamp ## arm64 binaries and the resolved template, in .aws-sam/build
	rustup target list --installed | grep -qx $(TARGET) || rustup target add $(TARGET)
	cargo fetch --locked --target $(TARGET)
	sam build --beta-features

deploy: package ## to the AWS account of the current credentials (STAGE=default)
	sam deploy --config-env $(or $(STAGE),default)

test-dynamodb-local: ## the tests against AWS's DynamoDB Local at TERRAPI_TEST_DYNAMODB
	@test -n "$(TERRAPI_TEST_DYNAMODB)" || { echo "set TERRAPI_TEST_DYNAMODB=http://127.0.0.1:<port>" >&2; exit 1; }
	TERRAPI_TEST_DYNAMODB=$(TERRAPI_TEST_DYNAMODB) cargo test --locked --package terrapi-tests

$(TOOLS)/bin/python:
	$(PYTHON) -m venv $(TOOLS)

# Without its dependency: cargo-lambda wants zig to cross-compile, and 90 MB of zig do nothing for a local run.
$(TOOLS)/run.stamp: requirements-dev.txt | $(TOOLS)/bin/python
	grep '^cargo-lambda==' requirements-dev.txt > $(TOOLS)/run.txt
	$(PIP) install --no-deps --requirement $(TOOLS)/run.txt
	@touch $@

# The stand-in for AWS, besides.
$(TOOLS)/test.stamp: $(TOOLS)/run.stamp
	grep '^moto' requirements-dev.txt > $(TOOLS)/test.txt
	$(PIP) install --requirement $(TOOLS)/test.txt
	@touch $@

$(TOOLS)/dev.stamp: requirements-dev.txt | $(TOOLS)/bin/python
	$(PIP) install --requirement requirements-dev.txt
	@touch $(TOOLS)/run.stamp $(TOOLS)/test.stamp $@
