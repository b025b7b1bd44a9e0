#!/usr/bin/env python3
"""Replaces direct calls by indirect calls, in place, so that V8 does not inline when Envoy starts.

Envoy starts V8 without its baseline compiler. So V8 compiles every function with the optimizing
compiler before the first request, and inlines into each function callees of up to twice its size
(V8: InliningTree::NoLiftoffBudget). rustc and wasm-opt have already inlined the small functions, so
this costs time and memory, and saves none. V8 cannot inline an indirect call. DESIGN.md has the
savings and the costs.

Like wasm_imports.py, it needs only Python, because it runs in every build of the filter.
"""

import sys
from collections import Counter

from wasm_imports import Reader, imports
from wasm_prune import number, rewrite

TYPES, FUNCTIONS, TABLES, ELEMENTS, CODE = 1, 3, 4, 9, 10
END_OF_CONSTANT = 0x0B
CALL, CALL_INDIRECT, I32_CONST = 0x10, 0x11, 0x41
LAST_BULK_INSTRUCTION, LAST_VECTOR_INSTRUCTION = 17, 255
FUNCREF, HAS_MAXIMUM = 0x70, 1
# The flag of an element segment that names its table, and the kind of elements that are functions.
EXPLICIT_TABLE, FUNCTION_INDICES = 2, 0

# The size in bytes below which direct calls of a function stay: its inlined code is about as large
# as the call.
SMALL = 30

# The number of LEB128 immediates of each instruction that has one (WebAssembly 2.0, section 5.4).
IMMEDIATES = {
    **dict.fromkeys([0x02, 0x03, 0x04, 0x0C, 0x0D, CALL, 0x3F, 0x40, I32_CONST, 0x42, 0xD0, 0xD2], 1),
    **dict.fromkeys(range(0x20, 0x27), 1),
    **dict.fromkeys([CALL_INDIRECT, *range(0x28, 0x3F)], 2),
}
NO_IMMEDIATES = {0x00, 0x01, 0x05, END_OF_CONSTANT, 0x0F, 0x1A, 0x1B, *range(0x45, 0xC5), 0xD1}
# The number for each instruction after the prefix 0xFC that has one: bulk memory and tables.
BULK_IMMEDIATES = {8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1}


def signed(value):
    """A number that is not negative, as signed LEB128."""
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
    elif operation > LAST_VECTOR_INSTRUCTION:
        raise ValueError(f"unknown instruction 0xFD {operation}")
    elif operation <= 11 or 84 <= operation <= 93:
        code.number(), code.number()
        if operation <= 91 and operation >= 84:
            code.take(1)


def skip_immediates(operation, code):
    """Skips the immediates of an instruction of WebAssembly 2.0 that is not a direct call.

    Raises ValueError for another instruction, because the rest of the function would be misread.
    """
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
        bulk = code.number()
        if bulk > LAST_BULK_INSTRUCTION:
            raise ValueError(f"unknown instruction 0xFC {bulk}")
        for _ in range(BULK_IMMEDIATES.get(bulk, 0)):
            code.number()
    elif operation == 0xFD:
        skip_vector_instruction(code)
    elif operation in IMMEDIATES:
        for _ in range(IMMEDIATES[operation]):
            code.number()
    elif operation not in NO_IMMEDIATES:
        raise ValueError(f"unknown instruction {operation:#x}")


def direct_calls(body):
    """Yields the start, the end and the callee of each direct call in the body of a function."""
    code = Reader(body)
    for _ in range(code.number()):
        code.number(), code.byte()
    while code.at < len(body):
        start = code.at
        operation = code.byte()
        if operation == CALL:
            callee = code.number()
            yield start, code.at, callee
        else:
            skip_immediates(operation, code)


def vector(items):
    return number(len(items)) + b"".join(items)


def read_sections(module):
    reader, sections = Reader(module), []
    header = reader.take(8)
    while reader.at < len(module):
        sections.append((reader.byte(), reader.take(reader.number())))
    return header, sections


def with_item(body, item):
    """Returns a section with one more item."""
    section = Reader(body)
    count = section.number()
    return number(count + 1) + body[section.at :] + item


def indirect(module):
    """Returns the module with one more table, and with indirect calls through it."""
    imported = sum(kind == "function" for _, _, kind in imports(module))
    result, sections = read_sections(module)
    section = dict(sections)
    code, functions = Reader(section[CODE]), Reader(section[FUNCTIONS])
    bodies = [code.take(code.number()) for _ in range(code.number())]
    types = [functions.number() for _ in range(functions.number())]
    new_table = Reader(section[TABLES]).number()

    def is_inlinable(callee):
        return callee >= imported and len(bodies[callee - imported]) >= SMALL

    calls = [[call for call in direct_calls(body) if is_inlinable(call[2])] for body in bodies]
    # The first elements have the shortest numbers.
    frequencies = Counter(callee for body_calls in calls for _, _, callee in body_calls)
    elements = {callee: element for element, (callee, _) in enumerate(frequencies.most_common())}

    def indirect_call(callee):
        kind = number(types[callee - imported])
        return bytes([I32_CONST]) + signed(elements[callee]) + bytes([CALL_INDIRECT]) + kind + number(new_table)

    def rewritten(body, body_calls):
        parts, copied = [], 0
        for start, end, callee in body_calls:
            parts += [body[copied:start], indirect_call(callee)]
            copied = end
        return b"".join([*parts, body[copied:]])

    bodies = [rewritten(*pair) for pair in zip(bodies, calls)]
    size = number(len(elements))
    offset = bytes([I32_CONST, 0, END_OF_CONSTANT])
    segment = number(EXPLICIT_TABLE) + number(new_table) + offset + bytes([FUNCTION_INDICES])
    changed = {
        TABLES: with_item(section[TABLES], bytes([FUNCREF, HAS_MAXIMUM]) + size + size),
        ELEMENTS: with_item(section[ELEMENTS], segment + vector([number(callee) for callee in elements])),
        CODE: vector([number(len(body)) + body for body in bodies]),
    }
    for kind, body in sections:
        body = changed.get(kind, body)
        result += bytes([kind]) + number(len(body)) + body
    return result


if __name__ == "__main__":
    rewrite(sys.argv[1:], indirect)
