#!/usr/bin/env python3
"""Prints how the release's files were made: an in-toto statement with the SLSA provenance
predicate, version 1.

The statement is not signed, so it is not evidence. It lists the inputs that a rebuild needs. The
release workflow creates the signed attestation. The statement contains no time, so a rebuild prints
equal bytes.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess

KIND = "urn:okta-authz-filter:make-image:v1"
BUILDER = "urn:okta-authz-filter:unsigned-build"


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout.strip()


def tool(name, version):
    return {"name": name, "annotations": {"version": version}}


def statement(args):
    subjects = [{"name": os.path.basename(path), "digest": {"sha256": sha256(path)}} for path in args.output]
    subjects.append({"name": args.image, "digest": {"sha256": args.image_digest.removeprefix("sha256:")}})
    source = {"name": "source", "annotations": {"revision": args.revision or "unknown"}}
    if args.source:
        source["uri"] = f"git+{args.source}"
    if args.revision and not args.revision.endswith("-dirty"):
        source["digest"] = {"gitCommit": args.revision}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": KIND,
                "externalParameters": {
                    "command": "make image",
                    "source": args.source,
                    "revision": args.revision,
                    "sourceDateEpoch": args.epoch,
                },
                "internalParameters": {"target": args.target, "asTheRelease": args.as_the_release == "yes"},
                "resolvedDependencies": [
                    source,
                    {"name": "Cargo.lock", "digest": {"sha256": sha256("Cargo.lock")}},
                    tool("rustc", output(os.environ.get("RUSTC", "rustc"), "-vV")),
                    tool("cargo", output("cargo", "--version")),
                    # The number only: the rest of the version text depends on the packager.
                    tool("wasm-opt", re.search(r"\d+", output("wasm-opt", "--version"))[0]),
                ],
            },
            "runDetails": {"builder": {"id": BUILDER}},
        },
    }


def main():
    parser = argparse.ArgumentParser(description="Prints an unsigned SLSA provenance statement.")
    parser.add_argument("--output", action="append", required=True, metavar="FILE", help="a file of the release")
    parser.add_argument("--image", required=True, help="the image's name")
    parser.add_argument("--image-digest", required=True)
    parser.add_argument("--source", default="")
    parser.add_argument("--revision", default="")
    parser.add_argument("--epoch", type=int, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--as-the-release", choices=["yes", "no"], required=True, help="whether the tools are the pinned ones")
    print(json.dumps(statement(parser.parse_args()), indent=2, sort_keys=True))


if __name__ == "__main__":
    main()
