# Every target works on a fresh machine: what is missing is built or fetched, and no step asks a question.
# Targets that need more than one command are scripts, to be read and run on their own.

.DEFAULT_GOAL := help
.PHONY: help wasm fixtures cli schema reference dashboard book test e2e versions second-host bench bench-plot bench-core \
	bench-instructions bench-size fuzz lint demo up compose-test image reproduce lint-workflows lint-dashboard toolchain release-check \
	publish-image publish-release

# What tests and demo are told: the filter, an Envoy, and a Python that can run the FastAPI example.
# `&&`, because a shell takes no offence at a failed substitution behind `export`.
WITH_ENVIRONMENT = export OKTA_AUTHZ_WASM='$(CURDIR)/target/filter/okta_authz_filter.wasm' && \
	ENVOY="$$(scripts/envoy-path)" && export ENVOY && \
	OKTA_AUTHZ_PYTHON="$$(scripts/python-path)" && export OKTA_AUTHZ_PYTHON

WITH_PROMETHEUS = OKTA_AUTHZ_PROMETHEUS="$$(scripts/prometheus-path)" && export OKTA_AUTHZ_PROMETHEUS

help: ## what you read here
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1 \2/p' $(MAKEFILE_LIST) | \
	while read -r target text; do printf 'make %-19s %s\n' "$$target" "$$text"; done

wasm: ## build the filter: target/filter/okta_authz_filter.wasm
	@scripts/build-wasm

fixtures:
	@scripts/build-fixtures

cli: ## build okta-authz, which checks, explains and tests policies, and say where it is
	@scripts/cargo build --quiet --release --locked --bin okta-authz
	@echo "$${CARGO_TARGET_DIR:-target}/release/okta-authz"

schema: ## write the JSON Schema of the configuration anew: schema/okta-authz-filter.schema.json
	@schema="$$(scripts/cargo run --quiet --locked --bin okta-authz -- schema)" && \
		printf '%s\n' "$$schema" >schema/okta-authz-filter.schema.json

reference: ## write the generated chapters of the book anew: configuration, answers, metrics
	@BLESS=1 scripts/cargo test --quiet --locked --test book is_generated

dashboard: wasm ## draw docs/dashboard.svg anew, from the dashboard's queries and two minutes of real traffic
	@$(WITH_ENVIRONMENT) && $(WITH_PROMETHEUS) && OKTA_AUTHZ_DRAW=yes scripts/cargo test --quiet --locked --test monitoring

book: ## build the book: target/book/index.html
	@scripts/build-book

test: wasm fixtures ## run every test: unit tests, vectors, the filter in a real Envoy
	@$(WITH_ENVIRONMENT) && $(WITH_PROMETHEUS) && scripts/cargo test --locked

e2e: wasm fixtures ## run only the tests in a real Envoy
	@$(WITH_ENVIRONMENT) && scripts/cargo test --locked --test envoy

versions: wasm fixtures ## run them in every supported version of Envoy, and the second host: 45 minutes; target/versions/table.md
	@OKTA_AUTHZ_WASM='$(CURDIR)/target/filter/okta_authz_filter.wasm' \
		OKTA_AUTHZ_PYTHON="$$(scripts/python-path)" scripts/versions $(VERSIONS)

second-host: wasm ## run the filter in a host without Envoy and V8 (wasmtime)
	@scripts/second-host

# Without the command line, which cargo would build beside a benchmark, with the same names and another panic strategy.
BENCH = scripts/cargo bench --quiet --locked --no-default-features --features plugin

# The first in the profile of the tests, which is built sooner: what it measures are Envoys, not itself.
bench: wasm ## measure the filter beside Envoy's own, under load, and policies: a quarter of an hour; target/bench/load.json
	@$(WITH_ENVIRONMENT) && WRK="$$(scripts/wrk-path)" && export WRK && \
		OKTA_AUTHZ_BENCH_PYTHON="$$(scripts/bench-python-path)" && export OKTA_AUTHZ_BENCH_PYTHON && \
		scripts/cargo bench --quiet --locked --profile dev --bench load
	@$(BENCH) --bench policy

bench-plot: ## the same, and draw docs/bench.svg anew, which the README shows
	@OKTA_AUTHZ_BENCH_PLOT=yes $(MAKE) bench

bench-core: ## measure the filter's own part of a request, natively: parsing, claims, policy
	@$(BENCH) --bench core

bench-instructions: ## count the instructions of that part, which are the same in every run
	@scripts/bench-instructions

bench-size: ## say which crates the bytes of the filter are from
	@scripts/bench-size

fuzz: ## feed the core what nobody would think of, each of its readers for FUZZ_SECONDS (60)
	@scripts/fuzz

lint: ## check the format, run clippy natively and for wasm, check the border of the core
	@scripts/lint

demo: wasm ## start Okta's stand-in and FastAPI behind Envoy, send telling requests, explain the answers
	@$(WITH_ENVIRONMENT) && scripts/cargo run --quiet --locked --example demo

up: wasm ## the same set-up without the requests, until Ctrl-C; OKTA_ISSUER=https://... takes a real Okta org
	@$(WITH_ENVIRONMENT) && scripts/cargo run --quiet --locked --example demo -- --stay

image: ## build what a release has: target/image with the module, the image (OCI), SBOM, provenance, SHA256SUMS
	@scripts/build-image

reproduce: ## build the last commit (or COMMIT) twice, from two clones, and compare every byte: target/reproduce
	@scripts/reproduce $(COMMIT)

toolchain: ## install the compiler that releases are built with, and print the variable that selects it
	@scripts/install-toolchain

# What follows is for the release workflow: scripts/publish says what it asks for.
release-check: ## say whether TAG can become a release
	@scripts/release-check "$(TAG)"

publish-image:
	@scripts/publish image

publish-release:
	@scripts/publish release

lint-workflows: ## check the shell scripts and the workflows of .github
	@scripts/lint-workflows

lint-dashboard: ## hold the dashboard against Grafana's own types of it (npm)
	@scripts/lint-dashboard

compose-test: ## build and start docker-compose.yml in a container engine and try it; skipped without one
	@scripts/compose-test
