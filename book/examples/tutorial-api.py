"""An API for the tutorial. It responds with the identity headers that it receives."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer


class Api(BaseHTTPRequestHandler):
    def respond(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        identity = {name: value for name, value in headers.items() if name.startswith("x-okta-")}
        has_token = "authorization" in headers
        body = json.dumps({"path": self.path, "identity": identity, "has_token": has_token}) + "\n"
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = respond


# Only Envoy on this machine may connect, because the API trusts its headers.
HTTPServer(("127.0.0.1", 8000), Api).serve_forever()
