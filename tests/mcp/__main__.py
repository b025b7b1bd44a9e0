"""Runs MCP clients and servers of the official SDK on both sides of Envoy with the filter.

    python tests/mcp ENVOY MODULE STAND_IN_OKTA DIRECTORY [NAME]

NAME selects the checks whose names contain it. After the scenarios, some of them run again with a
planted mistake (mistakes.py), and the check fails if a scenario does not find its mistake. DIRECTORY
gets the logs and transcript.txt, the exchanges of the clients. `scripts/check-mcp` starts this program.
"""

import asyncio
import logging
import shutil
import sys
import time
import traceback
from pathlib import Path

import mistakes
import scenarios
from programs import Programs


def main() -> int:
    if len(sys.argv) not in (5, 6):
        sys.exit(f"usage: {sys.argv[0]} ENVOY MODULE STAND_IN_OKTA DIRECTORY [NAME]")
    envoy, module, okta, directory = sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]).resolve()
    text = sys.argv[5] if len(sys.argv) == 6 else ""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    # The SDK logs each failed flow, which is an expected result here.
    logging.disable(logging.CRITICAL)
    checks, failed = 0, []
    with Programs(envoy, module, okta, directory) as programs:
        for scenario in (scenario for scenario in scenarios.ALL if text in scenario.__name__):
            checks += 1
            problem = run(programs, scenario)
            failed += report(scenario.__name__, problem)
        for mistake in (mistake for mistake in mistakes.ALL if text in f"mistake: {mistake.name}"):
            checks += 1
            programs.start_envoy(mistake.change)
            found = run(programs, mistake.scenario)
            missed = f"{mistake.scenario.__name__} does not find the mistake, but reports:\n{found or 'nothing'}"
            missed = "" if mistake.problem in found else missed
            failed += report(f"mistake: {mistake.name}", missed)
    if checks == 0:
        sys.exit(f"no check has a name with {text!r}")
    print(f"check-mcp: {checks} checks, {len(failed)} failed. Exchanges in {directory / 'transcript.txt'}")
    return 1 if failed else 0


def run(programs: Programs, scenario) -> str:
    """Runs a scenario, and returns its problem; empty if there is none."""
    with open(programs.directory / "transcript.txt", "a") as file:
        file.write(f"# {scenario.__name__}\n")
    try:
        asyncio.run(asyncio.wait_for(scenario(programs), timeout=60))
    except BaseException as error:  # A failed scenario, also as a group of exceptions.
        if isinstance(error, KeyboardInterrupt):
            raise
        return traceback.format_exc()
    return ""


def report(name: str, problem: str) -> list[str]:
    print(f"  {'FAILED' if problem else 'ok':6}  {name}", flush=True)
    if problem:
        print(problem, file=sys.stderr)
    return [name] if problem else []


if __name__ == "__main__":
    started = time.monotonic()
    status = main()
    print(f"{time.monotonic() - started:.0f} s")
    sys.exit(status)
