"""Drives examples/spa in a headless Chromium, with Envoy, the filter, the stand-in Okta and the API.

    python tests/spa BROWSER DEMO SCREENSHOTS [NAME]

DEMO is the program of `make up`. NAME selects the checks whose names contain it. Each scenario runs in
a new browser profile. After the scenarios, some of them run again on a page with a planted mistake
(mistakes.py), and the check fails if a scenario does not find its mistake. `scripts/check-spa` starts
this program.
"""

import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import Callable

from playwright.sync_api import sync_playwright

import mistakes
import scenarios
import server
from browser import Runner
from programs import Programs

ONLY_LOOPBACK = "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"


def main() -> int:
    if len(sys.argv) not in (4, 5):
        sys.exit(f"usage: {sys.argv[0]} BROWSER DEMO SCREENSHOTS [NAME]")
    program, demo, screenshots = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    checks = selected(sys.argv[4] if len(sys.argv) == 5 else "")
    shutil.rmtree(screenshots, ignore_errors=True)
    screenshots.mkdir(parents=True)
    failed = []
    with Programs(demo) as programs, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program,
            # Without the sandbox, because it does not work for root and in containers. The check only
            # opens pages of this repository.
            args=["--no-sandbox", "--disable-dev-shm-usage", f"--host-resolver-rules={ONLY_LOOPBACK}"],
        )
        print(f"Chromium {chromium.version}, page {programs.page}, API {programs.api}")
        runner = Runner(chromium, programs, screenshots)
        for name, check in checks:
            failed += report(name, lambda: check(runner))
        chromium.close()
    print(f"check-spa: {len(checks)} checks, {len(failed)} failed. Screenshots in {screenshots}")
    for name, text in failed:
        print(f"\n{name}\n{text}", file=sys.stderr)
    return 1 if failed else 0


def selected(text: str) -> list[tuple[str, Callable[[Runner], None]]]:
    """Returns names and functions of the checks whose names contain the text."""
    checks = [(check.__name__, check) for check in [*scenarios.ALL, *server.ALL]]
    checks += [(f"mistake: {mistake.name}", mistake.is_found) for mistake in mistakes.ALL]
    found = [(name, check) for name, check in checks if text in name]
    if not found:
        sys.exit(f"check-spa: no check has a name with {text!r}")
    return found


def report(name: str, check) -> list[tuple[str, str]]:
    start = time.monotonic()
    try:
        check()
    except Exception:
        print(f"FAILED {name}")
        return [(name, traceback.format_exc())]
    print(f"ok     {name} ({time.monotonic() - start:.1f} s)")
    return []


if __name__ == "__main__":
    sys.exit(main())
