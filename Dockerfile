# The image that Istio and Envoy Gateway pull: one layer, one file, /plugin.wasm.
#
#     docker build --tag okta-authz-filter .
#
# The image of a container engine contains the module of a release, but has another digest than the
# release's image, because engines add the time and other metadata. scripts/oci_image.py makes the
# image of a release. This command writes it to out/ (with BuildKit):
#
#     docker build --target release --output type=local,dest=out --build-arg REVISION="$(git rev-parse HEAD)" \
#         --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" --build-arg SOURCE_URL=https://git.example.com/team/okta-authz-filter .
#
# On a machine that is not x86-64, add `--platform linux/amd64`. examples/compose/Dockerfile has the
# images of the example.

# The compiler of scripts/release.sh. A test compares the two versions.
FROM rust:1.95.0-slim-bookworm AS build
# The CA certificate (PEM) of a proxy that intercepts TLS connections. Empty without such a proxy.
ARG EXTRA_CA_CERTS=""
RUN if [ -n "$EXTRA_CA_CERTS" ]; then \
        printf '%s\n' "$EXTRA_CA_CERTS" >/usr/local/share/ca-certificates/extra.crt && update-ca-certificates; \
    fi
WORKDIR /build
# Files that seldom change come first, so that the image layers stay cached.
COPY Cargo.toml Cargo.lock ./
COPY scripts/lib.sh scripts/
RUN bash -euc '. scripts/lib.sh; need_python; need_wasm_opt'
# Cargo reads the manifest of each member of the workspace, even if it does not compile the member.
COPY cli/Cargo.toml cli/
COPY stand-in-okta/Cargo.toml stand-in-okta/
COPY demo/Cargo.toml demo/
COPY benches/Cargo.toml benches/
COPY tests/support/Cargo.toml tests/support/
COPY tests/wasm/Cargo.toml tests/wasm/
COPY scripts scripts
COPY src src
# The build context has no .git, so the caller passes these values.
ARG REVISION=""
ARG SOURCE_DATE_EPOCH=0
ARG SOURCE_URL=""
RUN scripts/build-image

FROM scratch AS release
COPY --from=build /build/target/image /

FROM scratch
ARG REVISION=""
ARG SOURCE_URL=""
LABEL org.opencontainers.image.title="okta-authz-filter" \
      org.opencontainers.image.description="A proxy-wasm filter for Envoy and Istio that admits only requests with a valid Okta access token" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE_URL"
COPY --from=build /build/target/image/okta_authz_filter.wasm /plugin.wasm
