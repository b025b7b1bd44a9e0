#!/usr/bin/env python3
"""Makes the image that Istio and Envoy Gateway pull, as an OCI layout, and prints its digest.

The image has one layer with one file, `plugin.wasm`: the "compat" variant of the wasm image
specification. The digest depends only on the arguments and the bytes of the module, and not on the
directory, the user, the clock or the version of a compression library. Therefore this script writes
the gzip layer itself, without compression: Istio requires gzip, and versions of zlib compress
differently.
"""

import argparse
import datetime
import hashlib
import io
import json
import os
import struct
import sys
import tarfile
import zlib

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
# The largest stored block of RFC 1951.
STORED = 0xFFFF


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def gzip_stored(data):
    """Encodes data as stored blocks (RFC 1952), without time and name."""
    result = bytearray(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
    for at in range(0, len(data), STORED):
        block = data[at : at + STORED]
        final = at + STORED >= len(data)
        result += struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF) + block
    return bytes(result + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))


def tar(files, epoch):
    """Makes an archive of the files and their directories, owned by root."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        seen = set()
        for path, data in files:
            parts = path.split("/")
            for depth in range(1, len(parts)):
                directory = "/".join(parts[:depth])
                if directory not in seen:
                    seen.add(directory)
                    entry = tarfile.TarInfo(directory)
                    entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, epoch
                    archive.addfile(entry)
            entry = tarfile.TarInfo(path)
            entry.mode, entry.mtime, entry.size = 0o644, epoch, len(data)
            archive.addfile(entry, io.BytesIO(data))
    return target.getvalue()


class Layout:
    """An OCI image layout: https://github.com/opencontainers/image-spec/blob/main/image-layout.md"""

    def __init__(self, module, name, version, epoch, labels):
        created = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        labels = {**labels, "org.opencontainers.image.created": created, "org.opencontainers.image.version": version}
        self.blobs = {}
        content = tar([("plugin.wasm", module)], epoch)
        layer = self.blob(LAYER, gzip_stored(content))
        config = self.blob(
            CONFIG,
            canonical(
                {
                    # An image needs a platform, although a module has none. Clients request this
                    # one by default.
                    "architecture": "amd64",
                    "os": "linux",
                    "created": created,
                    "config": {"Labels": labels},
                    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(content).hexdigest()]},
                    "history": [{"created": created, "created_by": "COPY plugin.wasm /"}],
                }
            ),
        )
        manifest = self.blob(
            MANIFEST,
            canonical(
                {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], "annotations": labels}
            ),
        )
        self.digest = manifest["digest"]
        named = {**manifest, "annotations": {"org.opencontainers.image.ref.name": version}}
        self.files = [
            ("oci-layout", canonical({"imageLayoutVersion": "1.0.0"})),
            ("index.json", canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": [named]})),
            *sorted(self.blobs.items()),
        ]
        # `docker load` reads this file. It is not part of the OCI layout.
        docker = {
            "Config": self.path(config),
            "Layers": [self.path(layer)],
            "RepoTags": [f"{name}:{version}"],
        }
        self.archive = tar([*self.files[:2], ("manifest.json", canonical([docker])), *self.files[2:]], epoch)

    @staticmethod
    def path(descriptor):
        return "blobs/" + descriptor["digest"].replace(":", "/")

    def blob(self, media_type, data):
        descriptor = {
            "mediaType": media_type,
            "digest": "sha256:" + hashlib.sha256(data).hexdigest(),
            "size": len(data),
        }
        self.blobs[self.path(descriptor)] = data
        return descriptor

    def write(self, directory, archive):
        for path, data in self.files:
            path = os.path.join(directory, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "xb") as file:
                file.write(data)
        with open(archive, "wb") as file:
            file.write(self.archive)


def label(text):
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError("must be NAME=VALUE")
    return name, value


def main():
    parser = argparse.ArgumentParser(description="Makes an OCI image of a wasm module, and prints its digest.")
    parser.add_argument("--module", required=True, help="the module")
    parser.add_argument("--name", required=True, help="the image's name, for `docker load`")
    parser.add_argument("--version", required=True, help="the image's tag")
    parser.add_argument("--epoch", required=True, type=int, help="the image's time, in Unix seconds")
    parser.add_argument("--label", action="append", type=label, default=[], metavar="NAME=VALUE")
    parser.add_argument("--directory", required=True, help="the directory for the layout, which must not exist")
    parser.add_argument("--archive", required=True, help="the file for the layout as an archive, for `docker load`")
    args = parser.parse_args()
    with open(args.module, "rb") as file:
        module = file.read()
    if module[:4] != b"\0asm":
        sys.exit(f"{args.module} is not a wasm module")
    layout = Layout(module, args.name, args.version, args.epoch, dict(args.label))
    layout.write(args.directory, args.archive)
    print(layout.digest)


if __name__ == "__main__":
    main()
