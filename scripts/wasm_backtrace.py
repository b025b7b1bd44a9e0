#!/usr/bin/env python3
"""Empties the functions that print backtraces, in place. `wasm-opt` then removes what only they call.

They never run: the SDK replaces the panic hook of the standard library before the first callback, and
a wasm VM has no backtraces. The linker keeps them, because the default panic hook refers to them.

The module must have the names of its functions. Like wasm_imports.py, it needs only Python, because
it runs in every build of the filter.
"""

import re
import sys

from wasm_imports import Reader, imports
from wasm_indirect import CODE, read_sections, vector
from wasm_prune import number, rewrite
from wasm_sizes import CUSTOM_SECTION, function_names

# The new bodies, by the mangled name of a function in both schemes of rustc. The panic hook returns
# nothing, and an implementation of `Display` or `Debug` returns `Ok(())`.
BODIES = {
    re.compile(r"9panicking12default_hook"): b"\0\x0b",
    re.compile(r"(rustc_demangle|std9backtrace|std\.\.backtrace|backtrace_rs).*(Display|Debug).*3fmt(17h|E|$)"): b"\0\x41\0\x0b",
}


def body_for(name, body):
    replacements = (new for pattern, new in BODIES.items() if pattern.search(name))
    return next(replacements, body)


def read_names(sections):
    for kind, body in sections:
        section = Reader(body)
        if kind == CUSTOM_SECTION and section.name() == "name":
            return dict(function_names(section))
    raise ValueError("the module has no names of functions")


def without_backtraces(module):
    imported = sum(kind == "function" for _, _, kind in imports(module))
    result, sections = read_sections(module)
    names = read_names(sections)
    for pattern in BODIES:
        if not any(pattern.search(name) for name in names.values()):
            print(f"no function is named {pattern.pattern}: the module is larger than necessary", file=sys.stderr)
    for kind, section in sections:
        if kind == CODE:
            code = Reader(section)
            bodies = [code.take(code.number()) for _ in range(code.number())]
            bodies = [body_for(names.get(index, ""), body) for index, body in enumerate(bodies, imported)]
            section = vector([number(len(body)) + body for body in bodies])
        result += bytes([kind]) + number(len(section)) + section
    return result


if __name__ == "__main__":
    rewrite(sys.argv[1:], without_backtraces)
