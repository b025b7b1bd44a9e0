#!/usr/bin/env python3
"""Fails if a wasm module imports a function that Envoy does not provide.

Such a module builds without a warning: one dependency that reads the system's time zone is enough.
Envoy rejects it only at its start. `make wasm` runs this script on machines and in images that have
only a compiler and Python, so it parses the import section itself: a tool such as `wasm-tools`
would have to be built first.
"""

import sys

WASI = {"clock_time_get", "environ_get", "environ_sizes_get", "fd_write", "proc_exit", "random_get"}
IMPORT_SECTION = 2
KINDS = ("function", "table", "memory", "global", "tag")


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise ValueError("the module ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self):
        return self.take(1)[0]

    def number(self):
        """An unsigned LEB128 number."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def name(self):
        return self.take(self.number()).decode()

    def limits(self):
        if self.byte() & 1:
            self.number()
        self.number()


def imports(module):
    reader = Reader(module)
    if reader.take(8) != b"\0asm\1\0\0\0":
        raise ValueError("not a wasm module of version 1")
    while reader.at < len(module):
        section, body = reader.byte(), Reader(reader.take(reader.number()))
        if section != IMPORT_SECTION:
            continue
        for _ in range(body.number()):
            origin, name, kind = body.name(), body.name(), KINDS[body.byte()]
            if kind == "function":
                body.number()
            elif kind == "table":
                body.byte()
                body.limits()
            elif kind == "memory":
                body.limits()
            else:
                body.take(2) if kind == "global" else (body.byte(), body.number())
            yield origin, name, kind


def provided(origin, name, kind):
    if kind != "function":
        return False
    return origin == "env" and name.startswith("proxy_") or origin == "wasi_snapshot_preview1" and name in WASI


def main(paths):
    status = 0
    for path in paths:
        with open(path, "rb") as file:
            for origin, name, kind in imports(file.read()):
                if not provided(origin, name, kind):
                    print(f"{path}: imports the {kind} {origin}.{name}, which Envoy does not provide", file=sys.stderr)
                    status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
