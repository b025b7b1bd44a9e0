"""Reads the identity headers of okta-authz-filter.

Listens on 127.0.0.1: only Envoy may reach it.
"""

import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


def text(headers, name):
    """Returns a string claim, or None if the token does not have it."""
    value = headers.get(name)
    return None if value is None else unquote(value)


def strings(headers, name):
    """Returns a claim that is a list of strings.

    JSON has its own escapes: do not percent-decode it.
    """
    return json.loads(headers.get(name, "[]"))


def payload(headers):
    """Returns all claims of the token."""
    value = headers.get("x-okta-payload", "e30")
    return json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        lines = [
            f"sub: {text(self.headers, 'x-okta-sub')}",
            f"uid: {text(self.headers, 'x-okta-uid')}",
            f"scopes: {' '.join(strings(self.headers, 'x-okta-scopes'))}",
            f"groups: {' | '.join(strings(self.headers, 'x-okta-groups'))}",
            f"expires at: {int(self.headers.get('x-okta-exp', 0))}",
            f"issuer: {payload(self.headers).get('iss')}",
        ]
        body = "\n".join(lines).encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
