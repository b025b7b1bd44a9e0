# shellcheck shell=bash disable=SC2154 # lib.sh assigns the variables that are not assigned here
# The tools of a release, so that it can be reproduced. Source this file after lib.sh, do not run
# it.
#
# The bytes of the module depend on the compiler, on the machine of the compiler, and on wasm-opt.
# Other versions make an equivalent module with another digest. Debian 12 and Ubuntu 24.04 have this
# wasm-opt.
release_rust=1.95.0
release_host=x86_64-unknown-linux-gnu
release_wasm_opt=108

package_version() { sed -n '/^\[workspace\.package\]/,/^\[[^w]/s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml"; }

# use_release_toolchain: selects the release's compiler, if rustup has it or can install it.
use_release_toolchain() {
    local toolchain=$release_rust-$release_host
    [[ -z ${OKTA_AUTHZ_TOOLCHAIN:-} ]] && command -v rustup >/dev/null || return 0
    # A toolchain of this version may have another name.
    [[ $(rust_version) != "$release_rust" ]] || return 0
    if ! rustup run "$toolchain" rustc --version >/dev/null 2>&1; then
        timeout 600 rustup toolchain install "$toolchain" --profile minimal --target "$wasm_target" \
            </dev/null >/dev/null 2>&1 || return 0
    fi
    export RUSTUP_TOOLCHAIN=$toolchain
}

rust_version() { "${RUSTC:-rustc}" --version 2>/dev/null | cut -d' ' -f2; }

# other_than_the_release: prints each difference from the release's tools on a line. Without
# differences, the digest is that of the release.
other_than_the_release() {
    local host tool
    host=$("${RUSTC:-rustc}" -vV 2>/dev/null | sed -n 's/^host: //p')
    tool=$(wasm-opt --version 2>/dev/null | sed -n 's/^wasm-opt version \([0-9]*\).*/\1/p')
    if ! own_toolchain || [[ $(rust_version) != "$release_rust" ]]; then
        echo "rustc is $(rust_version || true), not $release_rust from rustup"
    fi
    [[ $host == "$release_host" ]] || echo "the compiler runs on $host, not on $release_host"
    [[ $tool == "$release_wasm_opt" ]] || echo "wasm-opt is ${tool:-missing}, not $release_wasm_opt"
}

in_git() { command -v git >/dev/null && git -C "$root" rev-parse --verify --quiet HEAD >/dev/null 2>&1; }

# revision: prints the commit, with -dirty if there are changes.
revision() {
    in_git || return 0
    local dirty=
    [[ -z $(git -C "$root" status --porcelain) ]] || dirty=-dirty
    echo "$(git -C "$root" rev-parse HEAD)$dirty"
}

# source_date_epoch: prints the time of the commit, which all files get.
source_date_epoch() { if in_git; then git -C "$root" log -1 --format=%ct; else echo 0; fi; }
