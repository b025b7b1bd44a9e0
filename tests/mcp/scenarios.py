"""The scenarios: a client of the official SDK, MCP servers of the official SDK, and the filter."""

import base64
import contextlib
import sys
from collections.abc import AsyncIterator

import httpx2
from mcp import Client
from mcp.client.auth.exceptions import OAuthTokenError
from mcp.shared.exceptions import MCPError

from programs import DOMAIN, HOST, ROOT, Programs
from transport import Exchange, Loopback

sys.path.insert(0, str(ROOT / "examples/mcp"))
from client import TokenStore, connect  # noqa: E402

ISSUER = f"https://{DOMAIN}/oauth2/default"
# The client of the stand-in Okta.
CLIENT_ID, CLIENT_SECRET = "0oademo00000000000001", "demo-secret"
ITEMS, REPORTS = f"https://{HOST}/mcp/items", f"https://{HOST}/mcp/reports"
VERSION = "2026-07-28"


class Session:
    """A client with its token and its exchanges."""

    def __init__(self, client: Client, store: TokenStore, transport: Loopback) -> None:
        self.client, self.store, self.transport = client, store, transport

    def token(self) -> str:
        assert self.store.tokens, "the client has no token"
        return self.store.tokens.access_token

    def find(self, url: str, status: int, tool: str = "") -> Exchange:
        """Returns the last exchange with this URL, status and tool or method."""
        for exchange in reversed(self.transport.exchanges):
            if exchange.url == url and exchange.status == status and exchange.tool in (tool, tool or exchange.tool):
                return exchange
        raise AssertionError(f"no exchange {url} {tool} {status} in:\n{self}")

    def token_requests(self) -> list[dict[str, str]]:
        return [exchange.form for exchange in self.transport.exchanges if exchange.url.endswith("/v1/token")]

    def __str__(self) -> str:
        return "\n".join(str(exchange) for exchange in self.transport.exchanges)


@contextlib.asynccontextmanager
async def session(programs: Programs, url: str = ITEMS, mode: str = VERSION) -> AsyncIterator[Session]:
    transport, store = Loopback(programs.ports(), programs.authorities()), TokenStore()
    try:
        async with connect(
            url, ISSUER, CLIENT_ID, CLIENT_SECRET, store=store, transport=transport, mode=mode
        ) as client:
            yield Session(client, store, transport)
    finally:
        with open(programs.directory / "transcript.txt", "a") as file:
            file.writelines(f"{exchange}\n" for exchange in transport.exchanges)
            file.write("\n")


async def post(programs: Programs, url: str, token: str, headers: dict[str, str], message: dict) -> httpx2.Response:
    """Sends a message without the SDK."""
    transport = Loopback(programs.ports(), programs.authorities())
    headers = {"accept": "application/json, text/event-stream", "authorization": f"Bearer {token}", **headers}
    async with httpx2.AsyncClient(transport=transport, timeout=10) as client:
        return await client.post(url, headers=headers, json=message)


def call(name: str) -> dict:
    meta = {
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientInfo": {"name": "check", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": {}, "_meta": meta}}


def tool_headers(name: str) -> dict[str, str]:
    return {"mcp-protocol-version": VERSION, "mcp-method": "tools/call", "mcp-name": name}


def equal(actual: object, expected: object) -> None:
    assert actual == expected, f"expected {expected!r}, got {actual!r}"


async def client_finds_the_authorization_server_by_the_challenge(programs: Programs) -> None:
    async with session(programs) as mcp:
        result = await mcp.client.call_tool("list_items", {})
        equal(result.is_error, False)
        metadata = f"https://{HOST}/.well-known/oauth-protected-resource/mcp/items"
        challenge = mcp.transport.exchanges[0].challenge
        equal(challenge, f'Bearer realm="api",scope="items:read",resource_metadata="{metadata}"')
        mcp.find(metadata, 200)
        equal(
            mcp.token_requests(),
            [{"grant_type": "client_credentials", "resource": ITEMS, "scope": "items:read"}],
        )


async def step_up_requests_all_scopes_of_the_tool(programs: Programs) -> None:
    async with session(programs) as mcp:
        await mcp.client.call_tool("list_items", {})
        result = await mcp.client.call_tool("add_item", {"name": "green cube"})
        assert "green cube" in str(result.content), result
        challenge = mcp.find(ITEMS, 403, "add_item").challenge
        assert 'error="insufficient_scope"' in challenge and 'scope="items:read items:write"' in challenge, challenge
        equal(sorted(mcp.token_requests()[-1]["scope"].split()), ["items:read", "items:write"])


async def tool_whose_scope_okta_does_not_grant_is_denied(programs: Programs) -> None:
    problems: list[BaseException] = []
    exchanges: list[Exchange] = []
    token = ""
    try:
        async with session(programs) as mcp:
            exchanges = mcp.transport.exchanges
            await mcp.client.call_tool("list_items", {})
            token = mcp.token()
            await mcp.client.call_tool("delete_items", {})
    except* OAuthTokenError as group:
        problems.extend(group.exceptions)
    assert problems, "the client called the tool"
    calls = [exchange for exchange in exchanges if exchange.tool == "delete_items"]
    equal([exchange.status for exchange in calls], [403])
    assert 'scope="items:read items:delete"' in calls[0].challenge, calls[0]
    equal(exchanges[-1].status, 400)
    response = await post(programs, ITEMS, token, tool_headers("list_items"), call("list_items"))
    equal(response.status_code, 200)
    assert "red ball" in response.text, response.text


async def token_for_one_server_is_rejected_at_the_other(programs: Programs) -> None:
    async with session(programs, REPORTS) as mcp:
        result = await mcp.client.call_tool("sales", {})
        assert "42" in str(result.content), result
        token = mcp.token()
    response = await post(programs, ITEMS, token, tool_headers("list_items"), call("list_items"))
    equal((response.status_code, response.json().get("code")), (401, "audience_not_allowed"))


async def server_receives_identity_and_no_token(programs: Programs) -> None:
    async with session(programs) as mcp:
        result = await mcp.client.call_tool("caller", {})
        equal(result.structured_content, {"x-okta-sub": CLIENT_ID, "has_token": "False"})


async def client_of_an_older_version_is_denied(programs: Programs) -> None:
    problems: list[BaseException] = []
    called = None
    try:
        async with session(programs, mode="legacy") as mcp:
            called = await mcp.client.call_tool("delete_items", {})
    except* MCPError as group:
        problems.extend(group.exceptions)
    assert called is None, f"an older client called the tool: {called}"
    assert problems, "the client reported no problem"
    async with session(programs) as mcp:
        await mcp.client.call_tool("list_items", {})
        token = mcp.token()
    response = await post(programs, ITEMS, token, {"mcp-protocol-version": "2025-11-25"}, call("delete_items"))
    equal((response.status_code, response.json().get("code")), (403, "denied_by_rule"))


async def name_that_differs_from_the_body_is_rejected(programs: Programs) -> None:
    async with session(programs) as mcp:
        await mcp.client.call_tool("list_items", {})
        token = mcp.token()
    response = await post(programs, ITEMS, token, tool_headers("list_items"), call("delete_items"))
    equal((response.status_code, response.json().get("error", {}).get("code")), (400, -32020))
    encoded = f"=?base64?{base64.b64encode(b'delete_items').decode()}?="
    response = await post(programs, ITEMS, token, tool_headers(encoded), call("delete_items"))
    equal((response.status_code, response.json().get("code")), (400, "header_ambiguous"))
    response = await post(programs, ITEMS, token, tool_headers("purge"), call("purge"))
    equal((response.status_code, response.json().get("code")), (403, "denied_by_rule"))


ALL = [
    client_finds_the_authorization_server_by_the_challenge,
    step_up_requests_all_scopes_of_the_tool,
    tool_whose_scope_okta_does_not_grant_is_denied,
    token_for_one_server_is_rejected_at_the_other,
    server_receives_identity_and_no_token,
    client_of_an_older_version_is_denied,
    name_that_differs_from_the_body_is_rejected,
]
