"""An MCP client that finds the authorization server through the challenge of the filter.

    python client.py URL ISSUER CLIENT_ID TOOL [NAME=VALUE]...

The secret of the client is in the environment variable CLIENT_SECRET. The client knows neither scopes
nor endpoints: the SDK reads them from the challenge, the protected resource metadata (RFC 9728) and
the metadata of the authorization server (RFC 8414).
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator

import httpx2
from mcp import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken


class TokenStore:
    """The tokens of one client, in memory."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@contextlib.asynccontextmanager
async def connect(
    url: str,
    issuer: str,
    client_id: str,
    client_secret: str,
    *,
    store: TokenStore | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    mode: str = "2026-07-28",
) -> AsyncIterator[Client]:
    """Connects to an MCP server. The first request without a token starts the discovery."""
    auth = ClientCredentialsOAuthProvider(
        server_url=url,
        storage=store or TokenStore(),
        client_id=client_id,
        client_secret=client_secret,
        issuer=issuer,
    )
    async with httpx2.AsyncClient(auth=auth, transport=transport, timeout=10) as http_client:
        async with Client(streamable_http_client(url, http_client=http_client), mode=mode) as client:
            yield client


async def main(url: str, issuer: str, client_id: str, tool: str, *arguments: str) -> None:
    """Calls one tool, and prints its result."""
    values = dict(argument.split("=", 1) for argument in arguments)
    async with connect(url, issuer, client_id, os.environ["CLIENT_SECRET"]) as client:
        result = await client.call_tool(tool, values)
        print(result.structured_content or result.content)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} URL ISSUER CLIENT_ID TOOL [NAME=VALUE]...")
    asyncio.run(main(*sys.argv[1:]))
