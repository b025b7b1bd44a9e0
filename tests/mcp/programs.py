"""The programs of the check: the stand-in Okta, the MCP servers, and Envoy with the filter."""

import datetime
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).resolve().parents[2]
HOST = "mcp.example.com"
DOMAIN = "acme.okta.example"
START_TIMEOUT_SECONDS = 60


class Programs:
    """The running programs. Leaving the context ends them."""

    def __init__(self, envoy: str, module: str, okta: str, directory: Path) -> None:
        self.envoy_program, self.module, self.directory = envoy, module, directory
        self.envoy_port, self.okta_port, self.app_port = free_port(), free_port(), free_port()
        self.processes: list[subprocess.Popen[bytes]] = []
        write_certificate(directory)
        self.start(
            [okta, "--http", f"127.0.0.1:{free_port()}", "--https", f"127.0.0.1:{self.okta_port}"]
            + ["--domain", DOMAIN, "--ca-out", str(directory / "okta-ca.pem")],
            "okta.log",
        )
        self.start([sys.executable, str(ROOT / "examples/mcp/server.py"), str(self.app_port)], "server.log")
        self.envoy: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Programs":
        wait_for_port(self.okta_port)
        wait_for_port(self.app_port)
        self.start_envoy(lambda text: text)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()

    def start(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        with open(self.directory / log, "wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.processes.append(process)
        return process

    def start_envoy(self, change) -> None:
        """Starts Envoy on the example with a change of its text. Ends an Envoy that runs."""
        if self.envoy:
            self.envoy.terminate()
            self.envoy.wait()
            self.processes.remove(self.envoy)
        self.envoy_port = free_port()
        text = change(self.configuration())
        file = self.directory / "envoy.yaml"
        file.write_text(text)
        command = [self.envoy_program, "-c", str(file), "--use-dynamic-base-id", "--concurrency", "2"]
        self.envoy = self.start([*command, "--log-level", "warning"], "envoy.log")
        wait_for_port(self.envoy_port, self.envoy)

    def configuration(self) -> str:
        """Returns the example of the book on ports of this machine."""
        text = (ROOT / "book/examples/mcp.yaml").read_text()
        for old, new in [
            ("0.0.0.0, port_value: 10443", f"127.0.0.1, port_value: {self.envoy_port}"),
            ("127.0.0.1, port_value: 9901", "127.0.0.1, port_value: 0"),
            ("127.0.0.1, port_value: 8000", f"127.0.0.1, port_value: {self.app_port}"),
            ("address: acme.okta.com, port_value: 443", f"address: 127.0.0.1, port_value: {self.okta_port}"),
            ("/etc/ssl/certs/ca-certificates.crt", str(self.directory / "okta-ca.pem")),
            ("/etc/envoy/tls.crt", str(self.directory / "tls.crt")),
            ("/etc/envoy/tls.key", str(self.directory / "tls.key")),
            ("target/filter/okta_authz_filter.wasm", self.module),
        ]:
            text = replace_once(text, old, new)
        return text.replace("acme.okta.com", DOMAIN)

    def ports(self) -> dict[str, int]:
        return {HOST: self.envoy_port, DOMAIN: self.okta_port}

    def authorities(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.directory / "okta-ca.pem"))
        context.load_verify_locations(str(self.directory / "tls.crt"))
        return context


def replace_once(text: str, old: str, new: str) -> str:
    """Replaces a text that occurs once."""
    if text.count(old) != 1:
        raise ValueError(f"{old!r} occurs {text.count(old)} times")
    return text.replace(old, new)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_port(port: int, process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if process and process.poll() is not None:
            raise RuntimeError(f"Envoy exited with {process.returncode}: see envoy.log")
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"no program listens on port {port}")


def write_certificate(directory: Path) -> None:
    """Writes a self-signed certificate for Envoy's listener, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "tls.key").write_bytes(private)
