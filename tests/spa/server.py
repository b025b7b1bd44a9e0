"""Origins: the page of another site, and the server of the page."""

import functools
import http.client
import http.server
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from browser import JOE, Runner

# Sends a call as the page does. Returns the status, or the name of the error.
FETCH = """([url, token]) => fetch(url, { headers: { authorization: `Bearer ${token}` }, credentials: "omit" })
    .then((response) => response.status, (error) => error.name)"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def other_origin():
    """Serves an empty page on another port of localhost, which is another origin."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "index.html").write_text('<!doctype html><title>x</title><link rel="icon" href="data:,">')
        handler = functools.partial(Quiet, directory=folder)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
            threading.Thread(target=running.serve_forever, daemon=True).start()
            yield f"http://localhost:{running.server_port}"
            running.shutdown()


def origin_other_reads_no_response(runner: Runner):
    programs = runner.programs
    with runner.visit() as visit, other_origin() as other:
        visit.login(JOE)
        visit.send("me", "200 OK")
        token = visit.tokens_sent()[0]
        urls = [f"{programs.api}/me", f"{programs.okta}/v1/userinfo"]
        # The control: the page itself reads both responses.
        assert [visit.page.evaluate(FETCH, [url, token]) for url in urls] == [200, 200]
        attacker = visit.page.context.new_page()
        errors = []
        attacker.on("console", lambda message: errors.append(message.text))
        attacker.goto(other)
        assert [attacker.evaluate(FETCH, [url, token]) for url in urls] == ["TypeError", "TypeError"]
        blocked = [text for text in errors if "has been blocked by CORS policy" in text]
        assert len(blocked) == 2, errors


def get(runner: Runner, path: str, host: str | None = None, method: str = "GET"):
    address = urlsplit(runner.programs.page)
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("host", host or address.netloc)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def path_outside_the_list_is_not_found(runner: Runner):
    paths = [
        "/package.json", "/README.md", "/../envoy.yaml", "/%2e%2e/envoy.yaml", "/..%2fenvoy.yaml", "//etc/passwd",
        "/node_modules/axe-core/axe.min.js", "/test/challenge.test.js", "/app.js/", "/index.html%00", "/login",
        "/.git/config",
    ]
    for path in paths:
        status, _, body = get(runner, path)
        assert (status, body) == (404, b""), (path, status, body[:80])
    assert get(runner, "/", method="POST")[0] == 405


def every_response_has_the_security_headers(runner: Runner):
    programs = runner.programs
    for path in ["/", "/login/callback?code=x", "/app.js", "/style.css", "/config.json", "/okta-auth-js.core.min.js"]:
        status, headers, _ = get(runner, path)
        assert status == 200, path
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'", policy
        connect = ["'self'", programs.api, programs.okta.removesuffix("/oauth2/default")]
        assert policy["connect-src"].split() == connect, policy
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def host_other_than_localhost_is_redirected(runner: Runner):
    port = urlsplit(runner.programs.page).port
    for host in [f"127.0.0.1:{port}", "attacker.example", f"localhost.attacker.example:{port}"]:
        status, headers, _ = get(runner, "/config.json", host)
        assert (status, headers["location"]) == (307, f"{runner.programs.page}/"), host


ALL = [
    origin_other_reads_no_response,
    path_outside_the_list_is_not_found,
    every_response_has_the_security_headers,
    host_other_than_localhost_is_redirected,
]
