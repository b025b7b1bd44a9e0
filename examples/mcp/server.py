"""Two MCP servers without token code, for use behind the filter.

    python server.py [PORT]

The filter's rules require a scope for each tool. The tool `caller` returns the identity headers that
the filter sets. The servers listen only on 127.0.0.1, because they trust these headers.
"""

import contextlib
import sys
from collections.abc import AsyncIterator

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette

# The host of the resource URL. The SDK rejects requests for other hosts (DNS rebinding).
HOST = "mcp.example.com"

items = MCPServer("items")
reports = MCPServer("reports")
stock = ["red ball", "blue book"]


@items.tool()
def list_items() -> list[str]:
    """Returns the items in stock."""
    return stock


@items.tool()
def add_item(name: str) -> list[str]:
    """Adds an item, and returns the items in stock."""
    stock.append(name)
    return stock


@items.tool()
def delete_items() -> list[str]:
    """Removes all items."""
    stock.clear()
    return stock


@items.tool()
def caller(context: Context) -> dict[str, str]:
    """Returns the identity headers, and whether the request has a token."""
    headers = context.headers or {}
    identity = {name: value for name, value in headers.items() if name.startswith("x-okta-")}
    return {**identity, "has_token": str("authorization" in headers)}


@reports.tool()
def sales() -> int:
    """Returns the number of items sold."""
    return 42


def application() -> Starlette:
    """Returns both servers as one application: /mcp/items and /mcp/reports."""
    security = TransportSecuritySettings(allowed_hosts=[HOST])
    apps = [
        server.streamable_http_app(streamable_http_path=f"/mcp/{server.name}", transport_security=security)
        for server in (items, reports)
    ]

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with items.session_manager.run(), reports.session_manager.run():
            yield

    return Starlette(routes=[route for app in apps for route in app.routes], lifespan=lifespan)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    uvicorn.run(application(), host="127.0.0.1", port=port, log_level="warning")
