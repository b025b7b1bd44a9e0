#!/usr/bin/env python3
"""Prints the size of a wasm module's code by crate, from the names of its functions, and of its other sections."""

import re
import sys
from collections import Counter

from wasm_imports import Reader, imports

CUSTOM_SECTION, CODE_SECTION, DATA_SECTION = 0, 10, 11
FUNCTION_NAMES = 1
C_AND_RUNTIME, GENERIC = "C and compiler runtime", "(generic)"
LEGACY = re.compile(r"_ZN(\d+)(.*)")
V0_CRATE = re.compile(r"C(?:s[0-9A-Za-z]*_)?(\d+)_?([A-Za-z_]\w*)")
# The names of the primitive types as legacy names have them. Their traits are implemented in core.
PRIMITIVES = {"bool", "char", "f32", "f64", "str", *(f"{sign}{bits}" for sign in "iu" for bits in (8, 16, 32, 64, 128, "size"))}
# The prefixes of the legacy names of impls that are not paths, such as `<`, `&` and `mut`.
NO_PATH = re.compile(r"^(?:_?\$(?:LT|RF|BP|u20|u5b|LP)\$|impl\$u20\$|mut\$u20\$|dyn\$u20\$|const\$u20\$)+")


def crate(name):
    """Returns the crate of a function. For a method of a trait, it is the crate of the type."""
    if name.startswith("_R"):
        found = V0_CRATE.search(name)
        return found[2][: int(found[1])] if found else "unknown"
    found = LEGACY.match(name)
    if not found:
        return C_AND_RUNTIME
    first = NO_PATH.sub("", found[2][: int(found[1])])
    first = re.split(r"\.\.|\$", first)[0]
    if first in PRIMITIVES:
        return "core"
    # The name of an impl for any type has no crate.
    return first if len(first) > 1 else GENERIC


def function_names(section):
    while section.at < len(section.data):
        kind, body = section.byte(), Reader(section.take(section.number()))
        if kind == FUNCTION_NAMES:
            for _ in range(body.number()):
                yield body.number(), body.name()


def sizes(module):
    reader = Reader(module)
    reader.take(8)
    bodies, names, data = [], {}, 0
    while reader.at < len(module):
        kind, section = reader.byte(), Reader(reader.take(reader.number()))
        if kind == CODE_SECTION:
            bodies = [len(section.take(section.number())) for _ in range(section.number())]
        elif kind == DATA_SECTION:
            data = len(section.data)
        elif kind == CUSTOM_SECTION and section.name() == "name":
            names = dict(function_names(section))
    imported = sum(kind == "function" for _, _, kind in imports(module))
    crates = Counter()
    for index, size in enumerate(bodies, imported):
        crates[crate(names.get(index, ""))] += size
    return crates, data


def main(path):
    with open(path, "rb") as file:
        crates, data = sizes(file.read())
    rows = [*crates.most_common(25), ("(other crates)", sum(size for _, size in crates.most_common()[25:]))]
    for name, size in [*rows, ("(all code)", sum(crates.values())), ("(data)", data)]:
        print(f"{name:30}{size / 1024:8.1f} KiB")


if __name__ == "__main__":
    main(sys.argv[1])
