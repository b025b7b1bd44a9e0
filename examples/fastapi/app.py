"""An API behind okta-authz-filter. It has no token code.

The filter authenticates the caller and authorizes each request before it arrives here. It passes the identity in
headers, and removes such headers from what clients send. The application trusts these headers, so it must be reachable
only through the filter: started as a program, it listens on 127.0.0.1.
"""

import json
import os
from typing import Annotated
from urllib.parse import unquote

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPBearer, OAuth2AuthorizationCodeBearer
from pydantic import BaseModel

# Where /docs signs a user in. The defaults are the stand-in Okta of `make up` and its client. For an Okta org, set the
# issuer, and the ID of a Single-Page App with the redirect URI https://{host}/docs/oauth2-redirect.
OKTA_ISSUER = os.environ.get("OKTA_ISSUER") or "http://localhost:9080/oauth2/default"
OKTA_CLIENT_ID = os.environ.get("OKTA_CLIENT_ID") or "0oaspa00000000000001"
SCOPES = {
    "openid": "Sign in",
    "profile": "Read your name",
    "items:read": "Read items",
    "items:write": "Create items",
}

# Add the Authorize button to /docs: sign in at Okta, or paste a token. They verify nothing: with `auto_error=False` the
# token may even be missing.
login = OAuth2AuthorizationCodeBearer(
    authorizationUrl=f"{OKTA_ISSUER}/v1/authorize",
    tokenUrl=f"{OKTA_ISSUER}/v1/token",
    scopes=SCOPES,
    auto_error=False,
    description="Okta's sign-in page, by the authorization code flow with PKCE.",
)
bearer = HTTPBearer(auto_error=False, description="An Okta access token. The filter verifies it, not this application.")
authorize_button = [Depends(login), Depends(bearer)]

app = FastAPI(
    title="Items",
    description="A FastAPI application behind Envoy, which verifies the tokens.",
    # The client of /docs is public: it has no secret, so it needs PKCE.
    swagger_ui_init_oauth={
        "clientId": OKTA_CLIENT_ID,
        "scopes": list(SCOPES),
        "usePkceWithAuthorizationCodeGrant": True,
    },
)


class Identity(BaseModel):
    """The identity that the filter passes from a verified token."""

    sub: str | None
    uid: str | None
    cid: str | None
    scopes: list[str]
    groups: list[str]


async def identity(request: Request) -> Identity:
    """Reads the identity headers.

    In strings, `%` and bytes outside printable ASCII are percent-encoded. Lists are JSON in ASCII and are not
    percent-encoded.
    """

    def text(name: str) -> str | None:
        value = request.headers.get(name)
        return None if value is None else unquote(value)

    def texts(name: str) -> list[str]:
        return json.loads(request.headers.get(name, "[]"))

    return Identity(
        sub=text("x-okta-sub"),
        uid=text("x-okta-uid"),
        cid=text("x-okta-cid"),
        scopes=texts("x-okta-scopes"),
        groups=texts("x-okta-groups"),
    )


Caller = Annotated[Identity, Depends(identity)]


class NewItem(BaseModel):
    name: str


class Item(NewItem):
    id: int
    created_by: str | None = None


ITEMS: dict[int, Item] = {1: Item(id=1, name="red ball"), 2: Item(id=2, name="blue book")}


# The handlers and `identity` are `async`, because they do not block: FastAPI runs a plain `def` in a thread, which
# costs about 170 µs of CPU time for each request. A handler that blocks, for example in a database driver, must be a
# plain `def`.
@app.get("/")
async def root() -> dict[str, str]:
    """Public."""
    return {"message": "Hello, World"}


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """Public."""
    return {"status": "ok"}


@app.get("/me", dependencies=authorize_button)
async def me(caller: Caller) -> Identity:
    """Returns the identity of the caller."""
    return caller


@app.get("/items", dependencies=authorize_button)
async def list_items() -> list[Item]:
    """The filter requires the scope items:read."""
    return list(ITEMS.values())


@app.get("/items/{item_id}", dependencies=authorize_button)
async def read_item(item_id: int) -> Item:
    """The filter requires the scope items:read."""
    if item_id not in ITEMS:
        raise HTTPException(status_code=404, detail="No such item")
    return ITEMS[item_id]


@app.post("/items", status_code=201, dependencies=authorize_button)
async def create_item(new: NewItem, caller: Caller) -> Item:
    """The filter requires the scope items:write.

    Without `await`, requests run one after the other, so each item gets a unique id.
    """
    item = Item(id=max(ITEMS, default=0) + 1, name=new.name, created_by=caller.uid or caller.cid)
    ITEMS[item.id] = item
    return item


@app.get("/admin", dependencies=authorize_button)
async def admin(caller: Caller) -> dict[str, str]:
    """The filter requires the group Admins."""
    return {"message": f"Hello, {caller.sub}"}


if __name__ == "__main__":
    # A client that reaches the application directly can set the identity headers.
    uvicorn.run(app, host="127.0.0.1", port=8000)
