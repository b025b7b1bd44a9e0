#!/usr/bin/env python3
"""Prints the software bill of materials of the module: CycloneDX 1.5, JSON.

It lists the crates that cargo links into the module, and Rust's standard library. It does not list
what only runs during the build (build scripts, procedural macros) or belongs to the tests and the
command line. It contains no time and no random number, so a rebuild prints equal bytes.

With --symbols, the script fails if a function in the module is of a crate that is not in the list.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import urllib.parse
import uuid

from wasm_sizes import C_AND_RUNTIME, GENERIC, sizes

PACKAGE = "okta-authz-filter"
# The crates of Rust's standard library. std prints backtraces with rustc_demangle.
STANDARD_LIBRARY = {"alloc", "compiler_builtins", "core", "rustc_demangle", "std", "__rustc"}


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def linked(target):
    """Returns the linked crates, each with the crates that it uses. The first is the filter."""
    tree = cargo(
        "tree", "--quiet", "--locked", "--package", PACKAGE, "--target", target,
        "--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", " {p}",
    )  # fmt: skip
    uses, above = {}, []
    for line in tree.splitlines():
        depth, name, version = line.split()[:3]
        crate = (name, version.removeprefix("v"))
        del above[int(depth) :]
        uses.setdefault(crate, set())
        if above:
            uses[above[-1]].add(crate)
        above.append(crate)
    return uses


def described(target):
    packages = json.loads(cargo("metadata", "--quiet", "--locked", "--format-version", "1", "--filter-platform", target))
    return {(package["name"], package["version"]): package for package in packages["packages"]}


def checksums(lock):
    """Returns the checksums of the published crates in Cargo.lock, which cargo verifies."""
    found = {}
    for block in lock.split("[[package]]")[1:]:
        fields = dict(re.findall(r'^(name|version|checksum) = "(.*)"$', block, re.MULTILINE))
        found[fields["name"], fields["version"]] = fields.get("checksum")
    return found


def reference(crate):
    name, version = crate
    return f"pkg:cargo/{name}@{urllib.parse.quote(version)}"


def component(crate, package, checksum):
    result = {
        "type": "library",
        "bom-ref": reference(crate),
        "name": crate[0],
        "version": crate[1],
        "purl": reference(crate),
        "scope": "required",
    }
    if package.get("description"):
        result["description"] = " ".join(package["description"].split())
    if package.get("license"):
        # Old manifests have `MIT/Apache-2.0`, which is not an SPDX expression.
        result["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", package["license"])}]
    if package.get("repository"):
        result["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    if checksum:
        result["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return result


def standard_library(rust):
    return {
        "type": "library",
        "bom-ref": f"pkg:generic/rust-std@{rust}",
        "name": "rust-std",
        "version": rust,
        "purl": f"pkg:generic/rust-std@{rust}",
        "description": "Rust's standard library for wasm32-wasip1, with the parts of wasi-libc that it brings",
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
        "scope": "required",
    }


def bill(module, target, rust, lock):
    uses, packages, sums = linked(target), described(target), checksums(lock)
    root = next(iter(uses))
    std = standard_library(rust)
    components = [component(crate, packages[crate], sums.get(crate)) for crate in sorted(uses) if crate != root]
    main = component(root, packages[root], hashlib.sha256(module).hexdigest())
    # The filter is the described module and in no registry of crates.
    del main["purl"], main["scope"]
    main["type"] = "application"
    names = {crate: reference(crate) for crate in uses}
    names[root] = main["bom-ref"] = f"{root[0]}@{root[1]}"
    dependencies = [
        {"ref": names[crate], "dependsOn": sorted([names[used] for used in uses[crate]] + [std["bom-ref"]])}
        for crate in sorted(uses)
    ]
    result = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": main},
        "components": [*components, std],
        "dependencies": [*dependencies, {"ref": std["bom-ref"]}],
    }
    content = json.dumps(result, sort_keys=True)
    return {**result, "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, content).urn}


def unlisted(symbols, listed):
    """Returns the crates that have a function in the module, and are not among the listed ones.

    symbols is the module before wasm-opt, which removes the names of the functions.
    """
    crates, _ = sizes(symbols)
    # Crates have `_` in symbols, and may have `-` in manifests.
    expected = STANDARD_LIBRARY | {C_AND_RUNTIME, GENERIC} | {name.replace("-", "_") for name in listed}
    if PACKAGE.replace("-", "_") not in crates:
        raise ValueError("the module has no names of functions")
    return sorted(set(crates) - expected)


def main():
    parser = argparse.ArgumentParser(description="Prints the bill of materials of the module: CycloneDX 1.5, JSON.")
    parser.add_argument("--module", required=True)
    parser.add_argument("--symbols", help="the module with the names of its functions")
    parser.add_argument("--target", required=True, help="the target of the module")
    parser.add_argument("--rust", required=True, help="the version of the compiler")
    args = parser.parse_args()
    with open(args.module, "rb") as file:
        module = file.read()
    with open("Cargo.lock", encoding="utf-8") as file:
        lock = file.read()
    result = bill(module, args.target, args.rust, lock)
    if args.symbols:
        with open(args.symbols, "rb") as file:
            missing = unlisted(file.read(), [PACKAGE, *(part["name"] for part in result["components"])])
        if missing:
            sys.exit(f"{args.symbols}: the module has code of crates that are not in the list: {', '.join(missing)}")
    print(json.dumps(result, indent=2, sort_keys=True))


if __name__ == "__main__":
    main()
