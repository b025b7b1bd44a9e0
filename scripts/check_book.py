#!/usr/bin/env python3
"""Checks the pages of a built book in a headless Chromium, and takes screenshots.

    scripts/check_book.py BROWSER BOOK SCREENSHOTS

A page fails the check if

- a link leads to a page, file or anchor that the book does not have,
- an id is not unique,
- an image or another resource does not load, or comes from another host,
- a script reports an error,
- it scrolls sideways, or an element is wider than the window (tables and code may scroll on their
  own).

Before that, the check runs on pages with each of these mistakes, and fails if it misses one.
"""

import base64
import functools
import http.server
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

# The width and height of the window: a laptop and a telephone.
WINDOWS = [(1280, 800), (390, 844)]
# The maximum height of a screenshot, in pixels.
MAX_HEIGHT = 6000
# The whole book again, its table of contents, and a page whose links are relative to another page.
SKIPPED = {"print.html", "toc.html", "404.html"}
TIMEOUT_SECONDS = 60

# Runs in the page.
COLLECT = """(() => {
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    const scrolls = (element) => {
        for (let at = element; at && at !== document.body; at = at.parentElement) {
            const style = getComputedStyle(at);
            if (at !== element && style.overflowX !== "visible") return true;
            if (style.position === "fixed") return true;
        }
        return false;
    };
    const describe = (element) => {
        const text = (element.textContent || element.src || "").trim().replace(/\\s+/g, " ").slice(0, 60);
        return `<${element.tagName.toLowerCase()}> ${text}`;
    };
    const shown = [...document.querySelectorAll("main *")];
    const wide = shown.filter((element) => {
        const box = element.getBoundingClientRect();
        return box.width > 0 && box.right > innerWidth + 1 && !scrolls(element);
    });
    return {
        ids,
        links: [...document.querySelectorAll("a[href]")].map((link) => link.href),
        images: [...document.images].filter((one) => !(one.complete && one.naturalWidth > 0)).map((one) => one.src),
        wide: wide.map(describe),
        scrolls: document.documentElement.scrollWidth > innerWidth + 1,
        height: document.documentElement.scrollHeight,
    };
})()"""


class Browser:
    """A Chromium that is controlled by the DevTools protocol over a pipe: JSON that ends with NUL."""

    def __init__(self, program: str, profile: str):
        command_read, self.commands = os.pipe()
        self.events, event_write = os.pipe()

        # Chromium reads commands from descriptor 3 and writes to 4.
        def redirect():
            first, second = os.dup(command_read), os.dup(event_write)
            os.dup2(first, 3)
            os.dup2(second, 4)

        arguments = [
            "--headless=new",
            "--remote-debugging-pipe",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--hide-scrollbars",
            "--no-first-run",
            # Without the sandbox, because it does not work for root and in containers. The check only
            # opens pages of the book.
            "--no-sandbox",
            # Only the server of this script.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={profile}",
        ]
        self.process = subprocess.Popen(
            [program, *arguments],
            preexec_fn=redirect,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(command_read)
        os.close(event_write)
        self.buffer, self.queue, self.last, self.session = b"", [], 0, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters) -> dict:
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.commands, data) :]
        end = time.monotonic() + TIMEOUT_SECONDS
        while True:
            reply = self.receive(end)
            if reply.get("id") == self.last:
                if "error" in reply:
                    sys.exit(f"check-book: {method}: {reply['error']['message']}")
                return reply["result"]
            self.queue.append(reply)

    def receive(self, end: float) -> dict:
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.events], [], [], max(0, end - time.monotonic()))
            data = os.read(self.events, 1 << 20) if ready else b""
            if not data:
                sys.exit("check-book: the browser does not respond")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def open(self, url: str, width: int, height: int) -> tuple[dict, list[str]]:
        """Loads a page, and returns what is in it and the errors of its scripts and resources."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.queue.clear()
        self.call("Page.navigate", url=url)
        events, end = [], time.monotonic() + TIMEOUT_SECONDS
        while True:
            event = self.queue.pop(0) if self.queue else self.receive(end)
            events.append(event)
            if event.get("method") == "Page.loadEventFired":
                break
        # The events that the page caused before this call come before its response.
        result = self.call("Runtime.evaluate", expression=COLLECT, returnByValue=True)
        if "exceptionDetails" in result:
            sys.exit(f"check-book: {result['exceptionDetails']}")
        errors = [error for event in events + self.queue if (error := error_of(event))]
        return result["result"]["value"], errors

    def screenshot(self, width: int, height: int) -> bytes:
        area = {"x": 0, "y": 0, "width": width, "height": min(height, MAX_HEIGHT), "scale": 1}
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=area)["data"])

    def close(self):
        self.process.terminate()
        self.process.wait()


def error_of(event: dict) -> str | None:
    parameters = event.get("params", {})
    match event.get("method"):
        case "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            return f"script: {details.get('exception', {}).get('description', details['text'])}"
        case "Runtime.consoleAPICalled" if parameters["type"] == "error":
            return f"console: {parameters['args']}"
        case "Log.entryAdded" if parameters["entry"]["level"] == "error":
            entry = parameters["entry"]
            return f"{entry['text']} {entry.get('url', '')}"
        case "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            if not url.startswith(("http://127.0.0.1:", "data:", "blob:")):
                return f"loads {url}: a page must load resources of the book only"
    return None


class Server(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def check(browser: Browser, book: Path, screenshots: Path | None) -> list[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server, directory=book))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}/"
    names = sorted(str(path.relative_to(book)) for path in book.rglob("*.html"))
    names = [name for name in names if name not in SKIPPED]
    problems, pages = [], {}
    for name in names:
        found = []
        for width, height in WINDOWS:
            page, errors = browser.open(base + urllib.parse.quote(name), width, height)
            at = f"{width} px wide: "
            found += errors + [f"the image {image} does not load" for image in page["images"]]
            found += [at + "the page scrolls sideways"] if page["scrolls"] else []
            found += [f"{at}wider than the window: {element}" for element in page["wide"][:5]]
            if screenshots:
                file = screenshots / f"{name.removesuffix('.html').replace('/', '-')}-{width}.png"
                file.write_bytes(browser.screenshot(width, max(height, page["height"])))
            pages[name] = page
        twice = {identifier for identifier in page["ids"] if page["ids"].count(identifier) > 1}
        found += [f"the id {identifier} is not unique" for identifier in sorted(twice)]
        problems += [f"{name}: {problem}" for problem in dict.fromkeys(found)]
    for name, page in pages.items():
        for link in dict.fromkeys(page["links"]):
            if problem := dead(link.removeprefix(base) if link.startswith(base) else link, book, pages):
                problems.append(f"{name}: {problem}")
    server.shutdown()
    return problems


def dead(link: str, book: Path, pages: dict) -> str | None:
    """Returns why a link leads nowhere. Links to other hosts are not followed."""
    path, _, fragment = (urllib.parse.unquote(part) for part in link.partition("#"))
    if path.startswith(("https://", "http://localhost", "mailto:")):
        return None
    if "://" in path:
        return f"the link {link} is not https"
    path = path or "index.html"
    path += "index.html" if path.endswith("/") else ""
    if path in SKIPPED:
        return None
    if not (book / path).is_file():
        return f"the link {link} leads to no file"
    if fragment and path in pages and fragment not in pages[path]["ids"]:
        return f"the link {link} leads to no anchor"
    return None


# Pages with a mistake, and a part of the problem that the check must report.
MISTAKES = {
    '<a href="#absent">x</a>': "leads to no anchor",
    '<a href="absent.html">x</a>': "leads to no file",
    '<a href="http://example.com/">x</a>': "is not https",
    '<p id="a"></p><p id="a"></p>': "is not unique",
    '<img src="absent.png" alt="x">': "does not load",
    '<img src="https://example.com/x.png" alt="x">': "resources of the book only",
    '<img src="wide.svg" alt="x">': "1280 px wide: wider than the window: <img>",
    '<table><tr><td><div style="width: 600px">x</div></td></tr></table>': "390 px wide: the page scrolls sideways",
    "<script>undefined.x()</script>": "script: TypeError",
    "<script>console.error('x')</script>": "console: ",
}
WIDE = '<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="9"><rect width="9" height="9"/></svg>'


def self_test(browser: Browser):
    head = '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>x</title>'
    good = f'{head}<main><div style="overflow-x: auto"><img src="wide.svg" alt="x"></div><a id="b" href="#b">x</a></main>'
    for body, expected in [*MISTAKES.items(), (good, None)]:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "wide.svg").write_text(WIDE)
            Path(folder, "index.html").write_text(body if expected is None else f"{head}<main>{body}</main>")
            problems = check(browser, Path(folder), None)
        if expected is None and problems or expected and not any(expected in problem for problem in problems):
            sys.exit(f"check-book: self-test: {body}: expected {expected}, found {problems}")


def main() -> int:
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} BROWSER BOOK SCREENSHOTS")
    program, book, screenshots = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if not (book / "index.html").is_file():
        sys.exit(f"check-book: {book} has no index.html")
    shutil.rmtree(screenshots, ignore_errors=True)
    screenshots.mkdir(parents=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            self_test(browser)
            problems = check(browser, book, screenshots)
        finally:
            browser.close()
    if problems:
        print(*problems, sep="\n", file=sys.stderr)
        print(f"check-book: {len(problems)} problems", file=sys.stderr)
        return 1
    count = len(list(screenshots.glob("*.png")))
    print(f"check-book: nothing found. {count} screenshots in {screenshots}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
