#!/usr/bin/env python3
"""Judges the mutants of scripts/mutants: mutant_results.py DIRECTORY EXCEPTIONS.

Reads `mutants.json` and the outcomes of each stage, `stage-N.json`, in the directory, and writes
`table.md` there. Fails for a survivor that the exceptions do not list, for an exception that is not
a survivor, and for a mutant without an outcome.
"""

import collections
import json
import re
import sys
import tomllib
from pathlib import Path

# `src/verify.rs:120:9: replace == with != in ...`: an exception has no line, which changes often.
POSITION = re.compile(r"^([^:]+):\d+:\d+: ")


def main(directory: Path, exceptions: Path) -> int:
    mutants = json.loads((directory / "mutants.json").read_text())
    if not mutants:
        sys.exit("mutants: no file has mutants")
    keys = keys_of(mutant["name"] for mutant in mutants)
    outcomes = read_outcomes(sorted(directory.glob("stage-*.json")))
    missing = [name for name in keys if name not in outcomes]
    if missing:
        sys.exit(f"mutants: {len(missing)} mutants have no outcome: {missing[0]}")

    files = {mutant["file"] for mutant in mutants}
    listed = read_exceptions(exceptions)
    survivors = {keys[name] for name in keys if outcomes[name] == "MissedMutant"}
    documented = {key: reason for key, reason in listed.items() if key[0].split(": ")[0] in files}
    errors = [f"survives: {text(key)}" for key in sorted(survivors - documented.keys())]
    errors += [f"{exceptions.name}: no survivor: {text(key)}" for key in sorted(documented.keys() - survivors)]

    table = table_of(mutants, keys, outcomes, documented)
    (directory / "table.md").write_text(table)
    print(table)
    for name in keys:
        if outcomes[name] == "Timeout":
            print(f"killed by the timeout: {name}")
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


def keys_of(names) -> dict[str, tuple[str, int]]:
    """Returns for each mutant its description without the position, and its number among the mutants
    with this description, in the order of the file.
    """
    counts: collections.Counter[str] = collections.Counter()
    keys = {}
    for name in names:
        description = POSITION.sub(r"\1: ", name)
        counts[description] += 1
        keys[name] = (description, counts[description])
    return keys


def read_outcomes(stages: list[Path]) -> dict[str, str]:
    """Returns the outcome of each mutant.

    A stage tests only the mutants that survived the stages before it or had a timeout. The timeout
    counts, also if they survive the tests of a later stage.
    """
    outcomes: dict[str, str] = {}
    for stage in stages:
        for outcome in json.loads(stage.read_text())["outcomes"]:
            if outcome["scenario"] == "Baseline":
                continue
            name, summary = outcome["scenario"]["Mutant"]["name"], outcome["summary"]
            if not (outcomes.get(name) == "Timeout" and summary == "MissedMutant"):
                outcomes[name] = summary
    return outcomes


def read_exceptions(path: Path) -> dict[tuple[str, int], str]:
    listed: dict[tuple[str, int], str] = {}
    for entry in tomllib.loads(path.read_text())["survivor"]:
        unknown = entry.keys() - {"mutant", "number", "reason"}
        if unknown or not entry.get("reason", "").strip():
            sys.exit(f"{path}: {entry.get('mutant')}: needs `mutant`, `reason`, and possibly `number`")
        for number in entry.get("number", [1]):
            if listed.setdefault((entry["mutant"], number), entry["reason"]) is not entry["reason"]:
                sys.exit(f"{path}: twice: {entry['mutant']}")
    return listed


def text(key: tuple[str, int]) -> str:
    return f"{key[0]}, number {key[1]}"


def table_of(mutants, keys, outcomes, documented) -> str:
    columns = ["mutants", "do not compile", "killed", "of them by the timeout", "survivors", "documented"]
    rows: dict[str, collections.Counter[str]] = {}
    for mutant in mutants:
        outcome, key = outcomes[mutant["name"]], keys[mutant["name"]]
        for row in (mutant["file"], "all"):
            count = rows.setdefault(row, collections.Counter())
            count["mutants"] += 1
            count["do not compile"] += outcome == "Unviable"
            count["killed"] += outcome in ("CaughtMutant", "Timeout")
            count["of them by the timeout"] += outcome == "Timeout"
            count["survivors"] += outcome == "MissedMutant"
            count["documented"] += outcome == "MissedMutant" and key in documented
    lines = ["| file | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for row, count in sorted(rows.items(), key=lambda item: (item[0] == "all", item[0])):
        lines.append(f"| {row} | " + " | ".join(str(count[column]) for column in columns) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: mutant_results.py DIRECTORY EXCEPTIONS")
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
