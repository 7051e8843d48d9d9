# The commands a person must know: run · test · lint · bench · package · deploy. Tools land in .tools/, nothing elsewhere.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run watch routes test lint advisories bench bench-peers package dist deploy test-dynamodb-local test-linearizability test-mutants

PYTHON ?= python3
TARGET := aarch64-unknown-linux-gnu

TOOLS := .tools
DYNAMODB_LOCAL := $(TOOLS)/dynamodb-local
DYNAMODB_LOCAL_PACKAGE := amplify-dynamodb-simulator@2.9.30
PIP := $(TOOLS)/bin/python -m pip --quiet --disable-pip-version-check
export PATH := $(CURDIR)/$(TOOLS)/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
# `sam` wants a region even to read a file. It looks for AWS_DEFAULT_REGION and into the profile, and ignores AWS_REGION.
PROFILE_REGION = $(shell $(TOOLS)/bin/python -c "import botocore.session as s; print(s.Session().get_config_variable('region') or '')" 2>/dev/null)
REGION = $(or $(AWS_REGION),$(AWS_DEFAULT_REGION),$(PROFILE_REGION),us-east-1)

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-20s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## the whole service on this machine, in one process (PORT, TERRAPI_DATA_DIR)
	@exec cargo run --locked --package terrapi-server -- serve --dev --data $(or $(TERRAPI_DATA_DIR),.local) --listen 127.0.0.1:$(or $(PORT),9000)

watch: $(TOOLS)/run.stamp ## the functions under an emulator of Lambda (PORT, TERRAPI_DATA_DIR)
	@exec cargo run --locked --package terrapi-watch

routes: ## writes the emulator's table of routes (Cargo.toml) from template.yaml
	cargo run --locked --package terrapi-watch -- routes

# The last tests start processes of their own and want the machine for themselves.
test: $(TOOLS)/test.stamp ## every test; the last ones over HTTP, through what `make run` and `make watch` start
	TERRAPI_MOTO_SERVER=$(CURDIR)/$(TOOLS)/bin/moto_server cargo test --locked --workspace -- --skip smoke:: --skip linearizability::
	cargo test --locked --workspace --test it -- --test-threads 1 linearizability:: smoke::

lint: $(TOOLS)/dev.stamp ## formatting, lints, dependencies, docs, template
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo deny --locked check bans licenses sources
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
	sam validate --lint --region $(REGION)
	openapi-spec-validator functions/console/assets/openapi.json

advisories: $(TOOLS)/dev.stamp ## known vulnerabilities in the locked dependencies (needs the network)
	cargo deny --locked check advisories

bench: $(TOOLS)/run.stamp ## latency, throughput and cost per route
	cargo run --locked --release --package terrapi-bench

bench-peers: $(TOOLS)/peers.stamp ## terrapi beside OpenBao, etcd, and the same in Node and Python (ROUNDS=5 SECONDS=3)
	@command -v wrk >/dev/null || { echo "wrk is not installed: it makes the load (Debian package wrk)" >&2; exit 1; }
	@command -v etcd >/dev/null || { echo "etcd is not installed: it is a peer (Debian package etcd-server)" >&2; exit 1; }
	cargo build --locked --release --package terrapi-server
	cargo run --locked --release --package terrapi-peers -- $(or $(ROUNDS),5) $(or $(SECONDS),3)

package: $(TOOLS)/dev.stamp ## arm64 binaries and the resolved template, in .aws-sam/build
	rustup target list --installed | grep -qx $(TARGET) || rustup target add $(TARGET)
	cargo fetch --locked --target $(TARGET)
	sam build --beta-features --region $(REGION)

dist: $(TOOLS)/dev.stamp ## static programs for Linux, in dist/ (x86_64 and arm64)
	set -e; for pair in x86_64:amd64 aarch64:arm64; do \
		target=$${pair%:*}-unknown-linux-musl; \
		rustup target list --installed | grep -qx $$target || rustup target add $$target; \
		cargo zigbuild --locked --release --package terrapi-server --target $$target; \
		install -D target/$$target/release/terrapi dist/terrapi-$${pair#*:}; \
	done
	mkdir -p dist/data

deploy: package ## to the AWS account of the current credentials (STAGE=default)
	sam deploy --config-env $(or $(STAGE),default) --region $(REGION)

# The tests of storage, without those that
# - count units of transactions, which this engine counts differently (budget);
# - are about clients, not storage (published_clients);
# - read the table's stream through the embedded engine (overdue);
# - need a faster engine: large commits hold calls for longer than an attempt may take, a key of 100,001 chunks is counted
#   within a request, and the increments bound how many outcomes stay unknown.
test-dynamodb-local: $(DYNAMODB_LOCAL)/DynamoDBLocal.jar ## the tests of storage against AWS's DynamoDB Local (npm, Java 17)
	sh tests/smoke/dynamodb-local.sh $(DYNAMODB_LOCAL) cargo test --locked --workspace --test it -- \
		kv_store:: team_tokens:: credentials:: admin::audit_trail admin::drifts admin::key admin::stored_runs admin::tasks \
		installations::refresh_requests installations::stored token_refresh::exchange worker::stored worker::task_leases \
		--skip budget:: --skip team_tokens::published_clients --skip kv_store::overdue \
		--skip kv_store::races::commit_of_ --skip kv_store::many::key_of_more_than_100_000 \
		--skip kv_store::write_faults::acknowledged_increments_count_once_under_storage_faults

test-linearizability: ## many histories under faults against the model (SEEDS="1 2 3", OPERATIONS=10000)
	TERRAPI_TEST_SEEDS="$(or $(SEEDS),$(shell seq 1 10))" TERRAPI_TEST_OPERATIONS="$(or $(OPERATIONS),10000)" \
		cargo test --locked --workspace --test it -- --nocapture linearizability::

test-mutants: ## plants faults into a copy of the store; a test must notice each (MUTANT=part of a name)
	cargo test --locked --workspace --test mutants -- $(MUTANT)

# The engine is AWS's, under AWS's own licence (LICENSE.txt beside it); the package wraps it for Amplify.
$(DYNAMODB_LOCAL)/DynamoDBLocal.jar: | $(TOOLS)/bin/python
	@command -v npm >/dev/null || { echo "npm is not installed: it fetches DynamoDB Local" >&2; exit 1; }
	cd $(TOOLS) && npm pack --silent $(DYNAMODB_LOCAL_PACKAGE) | xargs tar xzf && rm -rf dynamodb-local \
		&& mv package/emulator dynamodb-local && rm -rf package amplify-dynamodb-simulator-*.tgz
	@touch $@

$(TOOLS)/bin/python:
	$(PYTHON) -m venv $(TOOLS)

# Without its dependency: cargo-lambda wants zig to cross-compile, and 90 MB of zig do nothing for a local run.
$(TOOLS)/run.stamp: requirements-dev.txt | $(TOOLS)/bin/python
	grep '^cargo-lambda==' requirements-dev.txt > $(TOOLS)/run.txt
	$(PIP) install --no-deps --requirement $(TOOLS)/run.txt
	@touch $@

# What the tests start: the requirements' test section, and what the generated clients need in the languages that are here.
GENERATED := tests/clients/generated
$(TOOLS)/test.stamp: $(TOOLS)/run.stamp $(GENERATED)/typescript/package-lock.json $(GENERATED)/go/go.sum
	sed -n '/^# --- test/,/^# --- lint/p' requirements-dev.txt > $(TOOLS)/test.txt
	$(PIP) install --requirement $(TOOLS)/test.txt
	if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --prefix $(GENERATED)/typescript; fi
	if command -v go >/dev/null; then cd $(GENERATED)/go && go mod download; fi
	@touch $@

# The peers have a folder of their own: their libraries may differ from those of the tools.
PEERS := infra/peers
$(TOOLS)/peers.stamp: $(PEERS)/python/requirements.txt $(PEERS)/node/package-lock.json
	@command -v npm >/dev/null || { echo "npm is not installed: it installs a peer (Debian packages nodejs, npm)" >&2; exit 1; }
	$(PYTHON) -m venv $(TOOLS)/peers
	$(TOOLS)/peers/bin/python -m pip --quiet --disable-pip-version-check install --requirement $(PEERS)/python/requirements.txt
	npm ci --silent --no-audit --no-fund --prefix $(PEERS)/node
	@touch $@

$(TOOLS)/dev.stamp: requirements-dev.txt | $(TOOLS)/bin/python
	$(PIP) install --requirement requirements-dev.txt
	@touch $(TOOLS)/run.stamp $@
