# shellcheck shell=bash
# Functions for the other scripts: they find or install a Rust toolchain, Python and Debian packages
# without asking, and print what is missing if they cannot. Source this file, do not run it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
wasm_target=wasm32-wasip1
filter_dir=$root/target/filter

# Standard output is for results such as paths. Messages go to standard error.
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
        die "$purpose is missing. This system has no apt-get to install: $*"
    fi
    local log apt=(env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
    if [[ $(id -u) != 0 ]]; then
        # sudo must not ask for a password, and the user must agree to changes of the system with
        # this variable.
        if [[ ${OKTA_AUTHZ_SUDO:-} != yes ]] || ! sudo -n true 2>/dev/null; then
            die "$purpose is missing. As root: apt-get install $*"
        fi
        apt=(sudo -n "${apt[@]}")
    fi
    say "Installing $purpose: $*"
    log=$(mktemp)
    # The update may fail in part, and the old index may be enough. The install decides.
    "${apt[@]}" update </dev/null >"$log" 2>&1 || true
    # --no-remove: a build must not remove a compiler that the user needs.
    if ! "${apt[@]}" install -y --no-install-recommends --no-remove "$@" </dev/null >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "apt-get could not install $purpose: $*"
    fi
    rm -f "$log"
}

# unpack_package PURPOSE PACKAGE DIRECTORY: unpacks a Debian package without installing it, so no
# service starts and the system does not change. The file `complete` comes last, as in make_venv.
unpack_package() {
    local purpose=$1 package=$2 directory=$3
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        die "$purpose is missing. This system cannot download the Debian package $package"
    fi
    say "Unpacking $purpose: $package"
    rm -rf "$directory"
    mkdir -p "$directory"
    local download=(apt-get -qq -o APT::Sandbox::User=root download "$package")
    # A new machine has no package index. Only root can update it.
    if ! (cd "$directory" && "${download[@]}" </dev/null >/dev/null 2>&1); then
        apt-get -qq -o DPkg::Lock::Timeout=300 update </dev/null >/dev/null 2>&1 || true
        (cd "$directory" && "${download[@]}" </dev/null >&2) || die "apt-get could not download $package"
    fi
    dpkg-deb -x "$directory/$package"_*.deb "$directory" || die "cannot unpack $package"
    rm -f "$directory/$package"_*.deb
    touch "$directory/complete"
}

# one_at_a_time NAME: waits until no other process holds the lock NAME, and holds it until this
# process ends. Two builds in one tree would write the same directory.
one_at_a_time() {
    mkdir -p "$root/target/tools"
    if command -v flock >/dev/null; then
        exec {lock}>"$root/target/tools/.$1.lock"
        flock "$lock"
    fi
}

needed_rust() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml"; }

# recent RUSTC: succeeds if the compiler exists and is as new as Cargo.toml requires.
recent() {
    local version
    version=$("$1" --version 2>/dev/null | cut -d' ' -f2) && [[ -n $version ]] &&
        printf '%s\n' "$(needed_rust)" "$version" | sort -V -C
}

# own_toolchain: succeeds if the toolchain on the PATH can be used. OKTA_AUTHZ_TOOLCHAIN=debian
# excludes it.
own_toolchain() {
    [[ ${OKTA_AUTHZ_TOOLCHAIN:-} != debian ]] && command -v cargo >/dev/null && recent "${RUSTC:-rustc}"
}

has_wasm_target() { compgen -G "$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/$wasm_target/lib/libstd-*.rlib" >/dev/null; }

has_debian_toolchain() {
    [[ -x /usr/bin/cargo && -f /usr/lib/wasm32-wasi/libc.a ]] && command -v wasm-ld >/dev/null && recent /usr/bin/rustc &&
        [[ -f $(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock ]]
}

# use_debian_toolchain [SUBCOMMAND]: selects Debian's `cargo` for the rest of the script.
use_debian_toolchain() {
    if ! has_debian_toolchain; then
        install_packages "a Rust toolchain that can build for $wasm_target" \
            rustc-web cargo-web rust-web-src wasi-libc lld ca-certificates
        has_debian_toolchain ||
            die "Debian's packages have $(/usr/bin/rustc --version 2>&1), but Rust $(needed_rust) with its library source is" \
                "required. Add the distribution's security updates to the package sources."
    fi
    # Cargo would run the clippy or rustfmt of another toolchain, which cannot read the output of
    # Debian's compiler.
    case ${1:-} in
    clippy) [[ -x /usr/bin/cargo-clippy ]] || die "Debian's toolchain has no clippy: install rust-web-clippy" ;;
    fmt) [[ -x /usr/bin/cargo-fmt ]] || die "Debian's toolchain has no rustfmt: install rustfmt-web" ;;
    esac
    # A separate build directory: two compilers in one directory would rebuild everything after each
    # switch.
    [[ $(command -v cargo) -ef /usr/bin/cargo ]] || export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/debian
    export PATH=/usr/bin:$PATH RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
}

# build_artifact CARGO NAME CARGO_ARGUMENT…: builds a program or a wasm module with scripts/CARGO and
# prints its path. Cargo reports the path, which depends on the environment and the toolchain.
build_artifact() {
    local cargo=$1 name=$2 built
    shift 2
    need_python
    built=$(cd "$root" && "scripts/$cargo" build --message-format=json-render-diagnostics "$@" |
        python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message["reason"] == "compiler-artifact" and message["target"]["name"] == sys.argv[1]:
        modules = [name for name in message["filenames"] if name.endswith(".wasm")]
        print(*modules or [message["executable"]], sep="\n")
' "$name")
    [[ -f $built ]] || die "cargo did not build $name"
    printf '%s\n' "$built"
}

# build_wasm NAME CARGO_ARGUMENT…: builds a wasm module and writes it to target/filter/NAME.wasm.
build_wasm() {
    local name=$1 built
    shift
    built=$(build_artifact cargo-wasm "$name" "$@")
    "$root/scripts/wasm_imports.py" "$built"
    mkdir -p "$filter_dir"
    # Renamed when complete: a running Envoy or test must not read a partial module.
    cp "$built" "$filter_dir/.$name.$$"
    if [[ $name == okta_authz_filter ]]; then
        # wasm-opt removes the names of the functions. sbom.py and profilers need them.
        cp "$built" "$filter_dir/$name.symbols.wasm"
        optimize "$filter_dir/.$name.$$"
    fi
    mv "$filter_dir/.$name.$$" "$filter_dir/$name.wasm"
    printf 'target/filter/%s.wasm: %d KiB\n' "$name" $(($(wc -c <"$filter_dir/$name.wasm") / 1024))
}

# optimize MODULE: removes the exports and functions that the filter does not need, runs wasm-opt,
# and replaces calls that V8 would inline. wasm-opt inlines a function with one caller only up to 50
# bytes. Otherwise it makes functions of 100 KB, for which V8 needs more memory than for many small
# ones. DESIGN.md has the measurements.
optimize() {
    need_wasm_opt
    local features=(--enable-simd --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext
        --enable-mutable-globals --enable-reference-types --enable-multivalue)
    "$root/scripts/wasm_prune.py" "$1"
    "$root/scripts/wasm_backtrace.py" "$1"
    wasm-opt "${features[@]}" -Oz --one-caller-inline-max-function-size=50 "$1" -o "$1.optimized"
    mv "$1.optimized" "$1"
    "$root/scripts/wasm_indirect.py" "$1"
    # Only checks that the module is valid.
    wasm-opt "${features[@]}" --quiet "$1" -o /dev/null
}

# set_rustflags: sets the code generation of the module, and makes its bytes independent of the
# directory, the user and the machine. A panic contains the path of its source file, so each source
# directory gets a fixed name: the repository, cargo's registry, and the library source of rustup.
# The caller's RUSTFLAGS stay. The variable is encoded, because a path may have spaces.
set_rustflags() {
    need_python
    local flags=()
    [[ -z ${RUSTFLAGS:-} ]] || read -ra flags <<<"$RUSTFLAGS"
    [[ -z ${CARGO_ENCODED_RUSTFLAGS:-} ]] || IFS=$'\x1f' read -ra flags <<<"$CARGO_ENCODED_RUSTFLAGS"
    local commit registries registry
    commit=$("${RUSTC:-rustc}" -vV | sed -n 's/^commit-hash: //p')
    # SIMD (WebAssembly 2.0), which every tested host supports. It makes searches in long tokens
    # faster and the module 40 KiB smaller.
    flags+=("-Ctarget-feature=+simd128")
    # A quarter of LLVM's default. V8 compiles the whole module at Envoy's start, so copies of
    # functions cost time and memory there (DESIGN.md).
    flags+=("-Cllvm-args=-inline-threshold=60")
    flags+=("--remap-path-prefix=$root=/okta-authz-filter")
    flags+=("--remap-path-prefix=$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/src/rust=/rustc/$commit")
    # Cargo reports the paths of the packages, and fetches missing ones.
    registries=$(cd "$root" && cargo metadata --quiet --locked --format-version 1 --filter-platform "$wasm_target" | python3 -c '
import json, os, sys
packages = json.load(sys.stdin)["packages"]
sources = {os.path.dirname(os.path.dirname(package["manifest_path"])) for package in packages if package["source"]}
print(*sorted(sources), sep="\n")
') || die "cargo metadata failed"
    while IFS= read -r registry; do
        [[ -z $registry ]] || flags+=("--remap-path-prefix=$registry=/registry")
    done <<<"$registries"
    # The last matching prefix has effect.
    CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && printf '%s' "${flags[*]}")
    export CARGO_ENCODED_RUSTFLAGS
}

need_wasm_opt() { command -v wasm-opt >/dev/null || install_packages wasm-opt binaryen; }

need_python() { command -v python3 >/dev/null || install_packages "Python 3" python3; }

# browser_path: prints the path of $CHROMIUM, Chromium or Chrome.
browser_path() {
    local name
    for name in ${CHROMIUM:+"$CHROMIUM"} chromium google-chrome; do
        command -v "$name" && return
    done
    # Without recommended packages there are no fonts.
    install_packages Chromium chromium fonts-dejavu-core
    command -v chromium || die "the package chromium has no program chromium"
}

# make_venv DIRECTORY PIP_ARGUMENT…: makes a new virtual environment with these packages. The file
# `complete` comes last: without it, the installation was interrupted.
make_venv() {
    local directory=$1
    shift
    need_python
    rm -rf "$directory"
    if ! python3 -m venv "$directory" >/dev/null 2>&1; then
        install_packages "Python's venv module" python3-venv ca-certificates
        # Debian's interpreter by its path, because the package does not belong to another python3
        # on the PATH.
        /usr/bin/python3 -m venv --clear "$directory" >&2 || die "python3 -m venv fails, although python3-venv is installed"
    fi
    say "Installing into ${directory#"$root/"}: $*"
    "$directory/bin/python" -m pip install --quiet --no-input --disable-pip-version-check "$@" >&2 ||
        die "pip could not install: $*"
    touch "$directory/complete"
}
