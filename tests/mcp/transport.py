"""Connections to names that no DNS has, and a record of the exchanges."""

import ssl
from dataclasses import dataclass
from urllib.parse import parse_qs

import httpx2


@dataclass
class Exchange:
    """A request and its response, without token and secret."""

    method: str
    url: str
    tool: str
    status: int
    challenge: str
    form: dict[str, str]

    def __str__(self) -> str:
        parts = [self.method, self.url, self.tool, *(f"{name}={value}" for name, value in self.form.items())]
        line = f"{' '.join(part for part in parts if part)} -> {self.status}"
        return f"{line}\n    www-authenticate: {self.challenge}" if self.challenge else line


class Loopback(httpx2.AsyncBaseTransport):
    """Connects to a port of this machine for each host. TLS verifies the name of the host."""

    def __init__(self, ports: dict[str, int], authorities: ssl.SSLContext) -> None:
        self.ports = ports
        self.inner = httpx2.AsyncHTTPTransport(verify=authorities)
        self.exchanges: list[Exchange] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        host = request.url.host
        redirected = httpx2.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1", port=self.ports[host]),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        response = await self.inner.handle_async_request(redirected)
        self.exchanges.append(
            Exchange(
                request.method,
                str(request.url),
                request.headers.get("mcp-name", request.headers.get("mcp-method", "")),
                response.status_code,
                response.headers.get("www-authenticate", ""),
                form(request),
            )
        )
        return response

    async def aclose(self) -> None:
        await self.inner.aclose()


def form(request: httpx2.Request) -> dict[str, str]:
    """Returns the parameters of a token request, without secrets."""
    if request.headers.get("content-type") != "application/x-www-form-urlencoded":
        return {}
    parameters = parse_qs(request.content.decode())
    return {name: " ".join(parameters[name]) for name in ("grant_type", "resource", "scope") if name in parameters}
