"""The programs of `make up`, on free ports."""

import json
import re
import subprocess
import threading
import urllib.request

START_SECONDS = 120


class Programs:
    """Envoy, the API, the stand-in Okta and the server of the page. Leaving the context stops them."""

    def __init__(self, demo: str):
        self.process = subprocess.Popen([demo, "--stay-on-free-ports"], stdout=subprocess.PIPE, text=True)
        timer = threading.Timer(START_SECONDS, self.process.kill)
        timer.start()
        self.page = None
        output = []
        for line in self.process.stdout:
            output.append(line)
            if found := re.match(r"The page: +(http://localhost:\d+)/ ", line):
                self.page = found[1]
            if line.startswith("Ctrl-C stops"):
                break
        timer.cancel()
        if self.page is None:
            self.process.terminate()
            self.process.wait()
            raise SystemExit("check-spa: the demo serves no page:\n" + "".join(output))
        with urllib.request.urlopen(f"{self.page}/config.json", timeout=10) as response:
            config = json.load(response)
        self.api = config["api"]
        self.issuer = config["issuer"]
        self.okta = config["reachableIssuer"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
