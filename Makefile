# Every target works on a fresh machine: the scripts build or fetch missing tools, and no step asks
# a question. A target that needs more than one command is a script, which also runs on its own.

.DEFAULT_GOAL := help
.PHONY: help wasm fixtures cli schema reference book book-check doc test e2e versions second-host mesh-istio mesh-gateway helm-test receive-postgres minimum-rust model fleet bench bench-plot \
	bench-core bench-instructions bench-size fuzz mutants lint lint-prose lint-workflows lint-dashboard deny demo up compose-test spa-check dpop-check mcp-check image \
	push reproduce toolchain release-check publish-image publish-release

# The environment of tests and demo: the filter, an Envoy, and a Python that can run the FastAPI
# example. `&&`, because a shell ignores a failed substitution behind `export`.
WITH_ENVIRONMENT = export OKTA_AUTHZ_WASM='$(CURDIR)/target/filter/okta_authz_filter.wasm' && \
	ENVOY="$$(scripts/envoy-path)" && export ENVOY && \
	OKTA_AUTHZ_PYTHON="$$(scripts/python-path)" && export OKTA_AUTHZ_PYTHON

# The page of `make up` needs npm. Without it, the script prints the reason, and the API runs alone.
WITH_PAGE = OKTA_AUTHZ_SPA_SDK="$$(scripts/spa-path || true)" && export OKTA_AUTHZ_SPA_SDK

WITH_PROMETHEUS = OKTA_AUTHZ_PROMETHEUS="$$(scripts/prometheus-path)" && export OKTA_AUTHZ_PROMETHEUS

# `##@` starts a group of targets, `##` describes the target on its line. Targets without a
# description are steps of others.
help: ## Lists the targets.
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##@ Build

wasm: ## Builds the filter: target/filter/okta_authz_filter.wasm.
	@scripts/build-wasm

fixtures:
	@scripts/build-fixtures

cli: ## Builds okta-authz, the command line, and prints its path.
	@scripts/build-cli

##@ Run

demo: wasm ## Starts Envoy, a stand-in Okta and an API, sends requests and shows the responses.
	@$(WITH_ENVIRONMENT) && scripts/cargo run --quiet --locked --bin demo

# `exec` gives a signal for make to the program, which then stops the others.
up: wasm ## Starts the programs of the demo and a page until Ctrl-C. OKTA_ISSUER=https://... uses a real Okta org.
	@$(WITH_ENVIRONMENT) && $(WITH_PAGE) && exec scripts/cargo run --quiet --locked --bin demo -- --stay

##@ Test

test: wasm fixtures ## Runs all tests, including those in a real Envoy.
	@$(WITH_ENVIRONMENT) && $(WITH_PROMETHEUS) && scripts/cargo test --locked --workspace
	@$(WITH_ENVIRONMENT) && scripts/check-mcp

e2e: wasm fixtures ## Runs only the end-to-end tests in a real Envoy.
	@scripts/cargo build --quiet --locked --bin okta-authz
	@$(WITH_ENVIRONMENT) && scripts/cargo test --locked --test envoy

versions: wasm fixtures ## Runs the end-to-end tests in each supported Envoy (45 minutes): target/versions/table.md.
	@OKTA_AUTHZ_WASM='$(CURDIR)/target/filter/okta_authz_filter.wasm' \
		OKTA_AUTHZ_PYTHON="$$(scripts/python-path)" scripts/versions $(VERSIONS)

second-host: wasm ## Runs the filter in wasmtime, a host without Envoy and V8.
	@scripts/second-host

helm-test: ## Renders the Helm chart and compares it with deploy/. Builds Helm with Go (some minutes).
	@scripts/cargo build --quiet --locked --bin okta-authz
	@OKTA_AUTHZ_HELM="$$(scripts/helm-path)" && export OKTA_AUTHZ_HELM && scripts/cargo test --locked --test helm

mesh-istio: fixtures image ## Runs deploy/istio in a real Istio, without containers (first build: 20 minutes). Needs root.
	@scripts/mesh istio

mesh-gateway: fixtures image ## Runs deploy/envoy-gateway in a real Envoy Gateway, without containers (first build: 20 minutes). Needs root.
	@scripts/mesh gateway --test-threads=1

compose-test: ## Starts docker-compose.yml in a container engine, which it starts as root if none runs, and checks the responses.
	@scripts/compose-test

spa-check: wasm ## Drives the page of `make up` in Chromium: login, calls, step-up, logout: target/spa-check.
	@$(WITH_ENVIRONMENT) && scripts/check-spa '$(NAME)'

dpop-check: wasm ## Runs the DPoP client of examples/dpop-client with Envoy and the stand-in Okta, and attacks. Needs npm.
	@$(WITH_ENVIRONMENT) && scripts/check-dpop '$(NAME)'

mcp-check: wasm ## Runs MCP clients and servers of the official SDK around Envoy: discovery, scopes of tools, audiences: target/mcp-check.
	@$(WITH_ENVIRONMENT) && scripts/check-mcp '$(NAME)'

receive-postgres: ## Tests okta-authz receive in a real PostgreSQL, which it starts. Needs Debian's packages.
	@scripts/receive-postgres

model: ## Explores all schedules of workers that share data, within large bounds (minutes).
	@scripts/cargo test --locked --test model -- --ignored --nocapture

fleet: ## Simulates 10,000 Envoys on one issuer: tables, and book/src/images/fleet.svg.
	@scripts/cargo test --locked --test fleet -- --ignored --nocapture

fuzz: ## Fuzzes each parser of untrusted input for FUZZ_SECONDS (60).
	@scripts/fuzz

mutants: ## Mutation tests of the modules that decide (some hours): target/mutants/table.md. FILES='verify src/reply/body.rs' selects modules and files.
	@scripts/mutants $(FILES)

##@ Check

lint: ## Checks formatting, clippy, rustdoc, scripts, workflows and prose.
	@scripts/lint

lint-prose: ## Finds words that the style guide excludes.
	@scripts/lint-prose

lint-workflows: ## Checks the shell scripts, and the workflows and forms in .github.
	@scripts/lint-workflows

lint-dashboard: ## Checks the dashboard against Grafana's published types. Needs npm.
	@scripts/lint-dashboard

minimum-rust: ## Compiles everything with the oldest supported Rust. Needs rustup.
	@scripts/minimum-rust

deny: ## Checks licenses, advisories and sources of the dependencies. DENY_CHECKS selects checks.
	@scripts/deny

##@ Measure

# The options of `make bench`. A shell has its own SECONDS, so the benchmark reads them with a prefix.
# A path in AGAINST is relative to the directory of make.
BENCH_OPTIONS = $(foreach option,ROWS ROUNDS SECONDS TOKENS PROOFS,$(if $($(option)),OKTA_AUTHZ_BENCH_$(option)='$($(option))')) \
	$(if $(AGAINST),OKTA_AUTHZ_BENCH_AGAINST='$(abspath $(AGAINST))')

# The load benchmark has the profile of the tests, which compiles faster. It measures Envoy, so its
# own speed does not matter. ROWS selects rows of the load benchmark, so it skips the policy.
bench: wasm ## Measures the filter beside jwt_authn under load (20 minutes): target/bench/load.json.
bench: ## ... ROWS='HTTP/2|no token' ROUNDS=9 SECONDS=1 select rows, AGAINST=old.wasm compares two builds.
	@$(WITH_ENVIRONMENT) && WRK="$$(scripts/wrk-path)" && H2LOAD="$$(scripts/h2load-path)" && export WRK H2LOAD && \
		OKTA_AUTHZ_BENCH_PYTHON="$$(scripts/bench-python-path)" && export OKTA_AUTHZ_BENCH_PYTHON && \
		$(BENCH_OPTIONS) scripts/cargo bench --quiet --locked --profile dev --bench load
ifeq ($(ROWS),)
	@scripts/cargo bench --quiet --locked --bench policy
endif

bench-plot: ## Runs the load benchmark and draws book/src/images/bench.svg.
	@OKTA_AUTHZ_BENCH_PLOT=yes $(MAKE) bench

bench-core: ## Measures the core natively: parsing, claims, policy.
	@scripts/cargo bench --quiet --locked --bench core

bench-instructions: ## Counts the instructions of the core, which do not depend on the load of the machine.
	@scripts/bench-instructions

bench-size: ## Lists the size of each crate in the filter.
	@scripts/bench-size

##@ Document

book: ## Builds the book: target/book/index.html.
	@scripts/build-book

book-check: ## Opens each page of the book in Chromium: links, layout, images: target/book-check.
	@scripts/check-book

doc: ## Builds the API documentation for both targets, with rustdoc's warnings as errors.
	@scripts/doc

reference: ## Generates the reference chapters of the book and the output of the command line in them.
	@BLESS=1 scripts/cargo test --quiet --locked --test book is_generated

schema: ## Generates the JSON Schema of the configuration, also in the schema of the chart's values.
	@schema="$$(scripts/cargo run --quiet --locked --bin okta-authz -- schema)" && \
		printf '%s\n' "$$schema" >schema/okta-authz-filter.schema.json
	@BLESS=1 scripts/cargo test --quiet --locked --test deploy values_schema_has_the_schema_of_the_configuration

##@ Release

image: ## Builds the files of a release, with image, SBOM and provenance: target/image.
	@scripts/build-image

push: ## Builds the image and pushes it to REGISTRY=registry.example.com/team: prints the lines that pin it.
	@scripts/push "$$REGISTRY"

reproduce: ## Builds the last commit (or COMMIT) twice and compares every byte: target/reproduce.
	@scripts/reproduce $${COMMIT:+"$$COMMIT"}

toolchain: ## Installs the compiler of the releases, and prints the variable that selects it.
	@scripts/install-toolchain

release-check: ## Checks that TAG can become a release.
	@scripts/release-check "$$TAG"

# Only the release workflow runs these: scripts/publish lists the credentials that they need.
publish-image:
	@scripts/publish image

publish-release:
	@scripts/publish release
