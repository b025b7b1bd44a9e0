#!/usr/bin/env python3
"""Removes the exports that the filter does not need, in place.

The SDK exports every callback of the ABI, and a host calls every exported callback: for each
response and each part of its body it enters the VM without effect. A host does not call what is not
exported (proxy-wasm/spec, abi-versions/v0.2.1; DESIGN.md has the savings). `wasm-opt` then removes
the unreachable code.

Like wasm_imports.py, it needs only Python, because it runs in every build of the filter.
"""

import sys

from wasm_imports import Reader

EXPORT_SECTION = 7
FUNCTION = 0
KEPT = {
    "_initialize",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    # Ends a stream and a root context. Without it, each request would leak its context, and a
    # worker its gauges.
    "proxy_on_delete",
    "proxy_on_http_call_response",
    "proxy_on_memory_allocate",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_tick",
    "proxy_on_vm_start",
}


def number(value):
    """An unsigned LEB128 number."""
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def pruned_exports(body):
    reader = Reader(body)
    exports, missing = [], set(KEPT)
    for _ in range(reader.number()):
        start = reader.at
        name, kind, _ = reader.name(), reader.byte(), reader.number()
        if kind != FUNCTION or name in KEPT:
            exports.append(body[start : reader.at])
            missing.discard(name)
    if missing:
        raise ValueError(f"the module does not export {', '.join(sorted(missing))}")
    return number(len(exports)) + b"".join(exports)


def pruned(module):
    reader = Reader(module)
    result = bytearray(reader.take(8))
    while reader.at < len(module):
        section, body = reader.byte(), reader.take(reader.number())
        if section == EXPORT_SECTION:
            body = pruned_exports(body)
        result += bytes([section]) + number(len(body)) + body
    return result


def rewrite(paths, change):
    """Replaces each module by the result of a function."""
    for path in paths:
        with open(path, "rb") as file:
            module = change(file.read())
        with open(path, "wb") as file:
            file.write(module)


if __name__ == "__main__":
    rewrite(sys.argv[1:], pruned)
