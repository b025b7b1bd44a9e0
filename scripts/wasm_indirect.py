#!/usr/bin/env python3
"""Replaces direct calls by indirect calls, in place, so that V8 does not inline at Envoy's start.

Envoy starts V8 without its baseline compiler, so V8 compiles every function with the optimizing
compiler before the first request, and then inlines into each function callees of up to twice its
size (V8: InliningTree::NoLiftoffBudget). rustc and wasm-opt have inlined what is worth it. V8 cannot
inline an indirect call. DESIGN.md has the savings and the costs.

Like wasm_imports.py, it needs only Python, because it runs in every build of the filter.
"""

import sys

from wasm_imports import Reader, imports
from wasm_prune import number

TYPES, FUNCTIONS, TABLES, ELEMENTS, CODE = 1, 3, 4, 9, 10
END_OF_CONSTANT = 0x0B
CALL, CALL_INDIRECT, I32_CONST = 0x10, 0x11, 0x41

# The number of LEB128 immediates of each instruction that has one (WebAssembly 2.0, section 5.4).
IMMEDIATES = {
    **dict.fromkeys([0x02, 0x03, 0x04, 0x0C, 0x0D, CALL, 0x3F, 0x40, I32_CONST, 0x42, 0xD0, 0xD2], 1),
    **dict.fromkeys(range(0x20, 0x27), 1),
    **dict.fromkeys([CALL_INDIRECT, *range(0x28, 0x3F)], 2),
}
# The same after the prefix 0xFC: bulk memory and tables.
BULK_IMMEDIATES = {8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1}


def signed(value):
    """A signed LEB128 number, which is not negative."""
    octets = bytearray()
    while value > 0x3F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def skip_vector_instruction(code):
    """Skips the immediates of an instruction with the prefix 0xFD."""
    operation = code.number()
    if operation in (12, 13):
        code.take(16)
    elif 21 <= operation <= 34:
        code.take(1)
    elif operation <= 11 or 84 <= operation <= 93:
        code.number(), code.number()
        if operation <= 91 and operation >= 84:
            code.take(1)


def skip_immediates(operation, code):
    if operation == 0x0E:
        for _ in range(code.number() + 1):
            code.number()
    elif operation == 0x1C:
        code.take(code.number())
    elif operation == 0x43:
        code.take(4)
    elif operation == 0x44:
        code.take(8)
    elif operation == 0xFC:
        for _ in range(BULK_IMMEDIATES.get(code.number(), 0)):
            code.number()
    elif operation == 0xFD:
        skip_vector_instruction(code)
    else:
        for _ in range(IMMEDIATES.get(operation, 0)):
            code.number()


class Table:
    """The table of functions, with the new elements that the calls need."""

    def __init__(self, size, types, imported):
        self.size, self.types, self.imported = size, types, imported
        self.elements = {}

    def indirect_call(self, function):
        element = self.elements.setdefault(function, self.size + len(self.elements))
        kind = self.types[function - self.imported]
        return bytes([I32_CONST]) + signed(element) + bytes([CALL_INDIRECT]) + number(kind) + b"\0"


def rewritten(body, table):
    """Returns the body of a function with indirect calls."""
    code = Reader(body)
    for _ in range(code.number()):
        code.number(), code.byte()
    result, copied = bytearray(), 0
    while code.at < len(body):
        start = code.at
        operation = code.byte()
        if operation == CALL:
            function = code.number()
            if function >= table.imported:
                result += body[copied:start] + table.indirect_call(function)
                copied = code.at
        else:
            skip_immediates(operation, code)
    return bytes(result + body[copied:])


def vector(items):
    return number(len(items)) + b"".join(items)


def read_sections(module):
    reader, sections = Reader(module), []
    header = reader.take(8)
    while reader.at < len(module):
        sections.append((reader.byte(), reader.take(reader.number())))
    return header, sections


def read_table(sections, imported):
    """Reads the only table, which must have a fixed size."""
    body = Reader(dict(sections)[TABLES])
    count, kind, limits, minimum, maximum = (body.number() for _ in range(5))
    if (count, kind, limits) != (1, 0x70, 1) or minimum != maximum:
        raise ValueError("the module must have one table of functions with a fixed size")
    functions = Reader(dict(sections)[FUNCTIONS])
    return Table(minimum, [functions.number() for _ in range(functions.number())], imported)


def indirect(module):
    imported = sum(kind == "function" for _, _, kind in imports(module))
    header, sections = read_sections(module)
    table = read_table(sections, imported)
    code = Reader(dict(sections)[CODE])
    bodies = [rewritten(code.take(code.number()), table) for _ in range(code.number())]
    size = number(table.size + len(table.elements))
    elements = Reader(dict(sections)[ELEMENTS])
    count = elements.number()
    segment = b"\0" + bytes([I32_CONST]) + signed(table.size) + bytes([END_OF_CONSTANT])
    changed = {
        TABLES: b"\1\x70\1" + size + size,
        ELEMENTS: number(count + 1)
        + elements.data[elements.at :]
        + segment
        + vector([number(function) for function in table.elements]),
        CODE: vector([number(len(body)) + body for body in bodies]),
    }
    for kind, body in sections:
        body = changed.get(kind, body)
        header += bytes([kind]) + number(len(body)) + body
    return header


if __name__ == "__main__":
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            module = indirect(file.read())
        with open(path, "wb") as file:
            file.write(module)
