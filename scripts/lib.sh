# shellcheck shell=bash
# What the other scripts share: finding a Rust toolchain, a Python and Debian packages without ever asking a question,
# and saying clearly what is missing where that cannot be done. Sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
wasm_target=wasm32-wasip1
filter_dir=$root/target/filter

# Standard output belongs to results (paths), so everything meant for people goes to standard error.
say() { printf '%s\n' "$*" >&2; }
die() {
    say "${0##*/}: $*"
    exit 1
}

# install_packages PURPOSE PACKAGE…
install_packages() {
    local purpose=$1
    shift
    if ! command -v apt-get >/dev/null; then
        die "$purpose is missing, and this is no Debian system that could install: $*"
    fi
    local log apt=(env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
    if [[ $(id -u) != 0 ]]; then
        # A password that sudo would ask for is never asked for, and nobody's system is changed without this word.
        if [[ ${OKTA_AUTHZ_SUDO:-} != yes ]] || ! sudo -n true 2>/dev/null; then
            die "$purpose is missing. As root: apt-get install $*"
        fi
        apt=(sudo -n "${apt[@]}")
    fi
    say "Installing $purpose: $*"
    log=$(mktemp)
    # A stale or partly unreachable index may still hold what is needed; the install decides.
    "${apt[@]}" update </dev/null >"$log" 2>&1 || true
    # --no-remove: a build must not take away a compiler that somebody else uses.
    if ! "${apt[@]}" install -y --no-install-recommends --no-remove "$@" </dev/null >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "apt-get could not install $purpose: $*"
    fi
    rm -f "$log"
}

# unpack_package PURPOSE PACKAGE DIRECTORY: the files of a Debian package, without installing it: no service starts, and
# nothing of the system changes. The file `complete` comes last, as in make_venv.
unpack_package() {
    local purpose=$1 package=$2 directory=$3
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        die "$purpose is missing, and this is no Debian system that has the package $package"
    fi
    say "Unpacking $purpose: $package"
    rm -rf "$directory"
    mkdir -p "$directory"
    local download=(apt-get -qq -o APT::Sandbox::User=root download "$package")
    # A fresh machine has no index yet; only root can get one.
    if ! (cd "$directory" && "${download[@]}" </dev/null >/dev/null 2>&1); then
        apt-get -qq -o DPkg::Lock::Timeout=300 update </dev/null >/dev/null 2>&1 || true
        (cd "$directory" && "${download[@]}" </dev/null >&2) || die "apt-get could not download $package"
    fi
    dpkg-deb -x "$directory/$package"_*.deb "$directory" || die "$package could not be unpacked"
    rm -f "$directory/$package"_*.deb
    touch "$directory/complete"
}

# one_at_a_time NAME: the rest of this process runs while no other holds NAME, so that two builds in one tree
# don't make the same directory under each other's feet.
one_at_a_time() {
    mkdir -p "$root/target/tools"
    if command -v flock >/dev/null; then
        exec {lock}>"$root/target/tools/.$1.lock"
        flock "$lock"
    fi
}

needed_rust() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml"; }

# recent RUSTC: is it there, and as new as Cargo.toml asks for?
recent() {
    local version
    version=$("$1" --version 2>/dev/null | cut -d' ' -f2) && [[ -n $version ]] &&
        printf '%s\n' "$(needed_rust)" "$version" | sort -V -C
}

# The toolchain on the PATH, unless the environment asks for Debian's (to test that way of building).
own_toolchain() {
    [[ ${OKTA_AUTHZ_TOOLCHAIN:-} != debian ]] && command -v cargo >/dev/null && recent "${RUSTC:-rustc}"
}

has_wasm_target() { compgen -G "$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/$wasm_target/lib/libstd-*.rlib" >/dev/null; }

has_debian_toolchain() {
    [[ -x /usr/bin/cargo && -f /usr/lib/wasm32-wasi/libc.a ]] && command -v wasm-ld >/dev/null && recent /usr/bin/rustc &&
        [[ -f $(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock ]]
}

# use_debian_toolchain [SUBCOMMAND]: from here on `cargo` is Debian's, whatever else is installed.
use_debian_toolchain() {
    if ! has_debian_toolchain; then
        install_packages "a Rust toolchain that can build for $wasm_target" \
            rustc-web cargo-web rust-web-src wasi-libc lld ca-certificates
        has_debian_toolchain ||
            die "Debian's packages gave $(/usr/bin/rustc --version 2>&1), but Rust $(needed_rust) with its library source is" \
                "needed. Are the distribution's security updates among the package sources?"
    fi
    # Cargo would take another toolchain's clippy or rustfmt, which cannot read what Debian's compiler has made.
    case ${1:-} in
    clippy) [[ -x /usr/bin/cargo-clippy ]] || die "Debian's toolchain has no clippy here; it is in rust-web-clippy" ;;
    fmt) [[ -x /usr/bin/cargo-fmt ]] || die "Debian's toolchain has no rustfmt here; it is in rustfmt-web" ;;
    esac
    # Two compilers in one directory would rebuild everything at every change between them.
    [[ $(command -v cargo) -ef /usr/bin/cargo ]] || export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/debian
    export PATH=/usr/bin:$PATH RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
}

# build_wasm NAME CARGO_ARGUMENT…: builds one wasm module and puts it at target/filter/NAME.wasm.
# Cargo itself says where the artefact is: the directory depends on the environment and on the toolchain.
build_wasm() {
    local name=$1 built
    shift
    need_python
    built=$(cd "$root" && scripts/cargo-wasm build --message-format=json-render-diagnostics "$@" |
        python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message["reason"] == "compiler-artifact" and message["target"]["name"] == sys.argv[1]:
        print(*(name for name in message["filenames"] if name.endswith(".wasm")), sep="\n")
' "$name")
    [[ -f $built ]] || die "cargo built no module named $name"
    "$root/scripts/wasm_imports.py" "$built"
    mkdir -p "$filter_dir"
    # Renamed into place: a running Envoy or test must never read half a module.
    cp "$built" "$filter_dir/.$name.$$"
    [[ $name != okta_authz_filter ]] || optimise "$filter_dir/.$name.$$"
    mv "$filter_dir/.$name.$$" "$filter_dir/$name.wasm"
    printf 'target/filter/%s.wasm: %d KiB\n' "$name" $(($(wc -c <"$filter_dir/$name.wasm") / 1024))
}

# optimise MODULE: without the callbacks that the filter has no use for, and with what wasm-opt finds behind the compiler.
optimise() {
    need_wasm_opt
    "$root/scripts/wasm_prune.py" "$1"
    wasm-opt -O3 --enable-simd --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals \
        --enable-reference-types --enable-multivalue "$1" -o "$1.optimised"
    mv "$1.optimised" "$1"
}

# set_rustflags: what the module is built for, and that it is the same from any directory, user and machine. Panics carry
# the path of the source that they are in, so each of these gets a name instead: the tree, cargo's registry, and a library
# source that rustup has added.
# What the caller has in RUSTFLAGS stays; encoded, because a path may have spaces.
set_rustflags() {
    need_python
    local flags=()
    [[ -z ${RUSTFLAGS:-} ]] || read -ra flags <<<"$RUSTFLAGS"
    [[ -z ${CARGO_ENCODED_RUSTFLAGS:-} ]] || IFS=$'\x1f' read -ra flags <<<"$CARGO_ENCODED_RUSTFLAGS"
    local commit registries registry
    commit=$("${RUSTC:-rustc}" -vV | sed -n 's/^commit-hash: //p')
    # SIMD (WebAssembly 2.0), which every host knows that the filter is tested in: long tokens are searched faster, and the
    # module is 40 KiB smaller.
    flags+=("-Ctarget-feature=+simd128")
    flags+=("--remap-path-prefix=$root=/okta-authz-filter")
    flags+=("--remap-path-prefix=$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/src/rust=/rustc/$commit")
    # Cargo says where the packages are, and fetches them if they are not there yet.
    registries=$(cd "$root" && cargo metadata --quiet --locked --format-version 1 --filter-platform "$wasm_target" | python3 -c '
import json, os, sys
packages = json.load(sys.stdin)["packages"]
sources = {os.path.dirname(os.path.dirname(package["manifest_path"])) for package in packages if package["source"]}
print(*sorted(sources), sep="\n")
') || die "cargo cannot say where the packages are"
    while IFS= read -r registry; do
        [[ -z $registry ]] || flags+=("--remap-path-prefix=$registry=/registry")
    done <<<"$registries"
    # The last one that fits counts.
    CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && printf '%s' "${flags[*]}")
    export CARGO_ENCODED_RUSTFLAGS
}

need_wasm_opt() { command -v wasm-opt >/dev/null || install_packages wasm-opt binaryen; }

need_python() { command -v python3 >/dev/null || install_packages "Python 3" python3; }

# make_venv DIRECTORY PIP_ARGUMENT…: a fresh virtual environment with these packages in it. The file `complete` comes last:
# an interrupted installation counts as none.
make_venv() {
    local directory=$1
    shift
    need_python
    rm -rf "$directory"
    if ! python3 -m venv "$directory" >/dev/null 2>&1; then
        install_packages "Python's venv module" python3-venv ca-certificates
        # Debian's interpreter by its path: the package is of no use to another python3 on the PATH.
        /usr/bin/python3 -m venv --clear "$directory" >&2 || die "python3 -m venv does not work, even with python3-venv installed"
    fi
    say "Installing into ${directory#"$root/"}: $*"
    "$directory/bin/python" -m pip install --quiet --no-input --disable-pip-version-check "$@" >&2 ||
        die "pip could not install: $*"
    touch "$directory/complete"
}
