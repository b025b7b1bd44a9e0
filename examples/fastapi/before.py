"""An API that verifies Okta access tokens itself. It is for comparison and has known gaps: do not use it.

    pip install fastapi uvicorn "pyjwt[crypto]"
    OKTA_ISSUER=https://acme.okta.com/oauth2/default OKTA_AUDIENCE=api://default python before.py
"""

import json
import os
from typing import Annotated
from urllib.request import urlopen

import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

ISSUER = os.environ["OKTA_ISSUER"]
AUDIENCE = os.environ.get("OKTA_AUDIENCE", "api://default")

app = FastAPI()
oauth2_scheme = OAuth2PasswordBearer(tokenUrl=f"{ISSUER}/v1/token")


def fetch(url: str) -> dict:
    with urlopen(url) as response:
        return json.load(response)


# Read once, when the module is imported.
METADATA = fetch(f"{ISSUER}/.well-known/oauth-authorization-server")
KEYS = {key["kid"]: jwt.PyJWK(key).key for key in fetch(METADATA["jwks_uri"])["keys"]}


def current_user(token: Annotated[str, Depends(oauth2_scheme)]) -> str:
    credentials_exception = HTTPException(
        status_code=401,
        detail="Could not validate credentials",
        headers={"WWW-Authenticate": "Bearer"},
    )
    try:
        key = KEYS[jwt.get_unverified_header(token)["kid"]]
        payload = jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER)
    except (jwt.PyJWTError, KeyError):
        raise credentials_exception from None
    username = payload.get("sub")
    if username is None:
        raise credentials_exception
    return username


@app.get("/")
def root() -> dict[str, str]:
    return {"message": "Hello, World"}


@app.get("/items")
def list_items(user: Annotated[str, Depends(current_user)]) -> dict[str, str]:
    return {"owner": user}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=8001)
