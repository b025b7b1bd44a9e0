"""The routes of the FastAPI example behind a token verifier as in common tutorials. Only the
benchmark uses it.

VERIFIER is `jose`, `pyjwt` or `none`. JWKS is a file with the key set, so the application fetches
nothing.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

sys.path.insert(0, str(Path(__file__).parents[2] / "examples/fastapi"))
import app as example

ISSUER = "https://acme.okta.example/oauth2/default"
AUDIENCE = "api://default"
KEYS = {key["kid"]: key for key in json.loads(Path(os.environ["JWKS"]).read_text())["keys"]}

oauth2_scheme = OAuth2PasswordBearer(tokenUrl=f"{ISSUER}/v1/token")


def decoder(verifier: str):
    if verifier == "jose":
        from jose import JWTError, jwt

        errors, keys = (JWTError, KeyError), KEYS
    else:
        import jwt

        errors, keys = (jwt.PyJWTError, KeyError), {kid: jwt.PyJWK(key).key for kid, key in KEYS.items()}

    def decode(token: str) -> dict:
        key = keys[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER)

    return decode, errors


# `async`, as in FastAPI's tutorial: a plain `def` would also pay for a thread.
async def current_user(token: Annotated[str, Depends(oauth2_scheme)]) -> str:
    try:
        claims = decode(token)
    except errors:
        raise HTTPException(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"}) from None
    if "items:read" not in claims.get("scp", []):
        raise HTTPException(403, "Not enough permissions")
    return claims["sub"]


verifier = os.environ["VERIFIER"]
app = FastAPI()
if verifier == "none":
    app.include_router(example.app.router)
else:
    decode, errors = decoder(verifier)
    app.include_router(example.app.router, dependencies=[Depends(current_user)])
