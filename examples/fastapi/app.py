"""An API behind okta-authz-filter. There is no token code in it, and there must be none.

Who calls, and whether they may, has been settled before a request arrives here. What this application learns of it is
in headers that the filter sets, and that it removes from what clients send. So it must be reachable through the filter
only: started as a program it listens on 127.0.0.1.
"""

import json
from typing import Annotated
from urllib.parse import unquote

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPBearer
from pydantic import BaseModel

# Makes the Authorize button in /docs. It verifies nothing: `auto_error=False` leaves even a missing token alone.
bearer = HTTPBearer(auto_error=False, description="An Okta access token. The filter verifies it, not this application.")

app = FastAPI(title="Items", description="A FastAPI application that leaves tokens to Envoy.")


class Identity(BaseModel):
    """What the filter tells of a verified token."""

    sub: str | None
    uid: str | None
    cid: str | None
    scopes: list[str]
    groups: list[str]


def identity(request: Request) -> Identity:
    """Reads the filter's headers.

    Strings have `%` and everything outside printable ASCII percent-encoded. Lists are JSON, which has escapes of its own:
    a `%` in there is a `%`.
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


@app.get("/")
def root() -> dict[str, str]:
    """Public."""
    return {"message": "Hello, World"}


@app.get("/healthz")
def healthz() -> dict[str, str]:
    """Public."""
    return {"status": "ok"}


@app.get("/me", dependencies=[Depends(bearer)])
def me(caller: Caller) -> Identity:
    """Who the filter says is calling."""
    return caller


@app.get("/items", dependencies=[Depends(bearer)])
def list_items() -> list[Item]:
    """The filter asks for the scope items:read."""
    return list(ITEMS.values())


@app.get("/items/{item_id}", dependencies=[Depends(bearer)])
def read_item(item_id: int) -> Item:
    """The filter asks for the scope items:read."""
    if item_id not in ITEMS:
        raise HTTPException(status_code=404, detail="No such item")
    return ITEMS[item_id]


@app.post("/items", status_code=201, dependencies=[Depends(bearer)])
async def create_item(new: NewItem, caller: Caller) -> Item:
    """The filter asks for the scope items:write, or for the group Admins.

    `async`, though nothing is awaited: on the one event loop no two requests take the same id.
    """
    item = Item(id=max(ITEMS, default=0) + 1, name=new.name, created_by=caller.uid or caller.cid)
    ITEMS[item.id] = item
    return item


@app.get("/admin", dependencies=[Depends(bearer)])
def admin(caller: Caller) -> dict[str, str]:
    """The filter asks for the group Admins."""
    return {"message": f"Hello, {caller.sub}"}


if __name__ == "__main__":
    # The application believes its headers: whoever reaches it directly can be anyone.
    uvicorn.run(app, host="127.0.0.1", port=8000)
