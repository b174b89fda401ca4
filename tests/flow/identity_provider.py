"""An identity provider on loopback: a discovery document, keys that can be changed, and tokens signed with them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "samvad"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def public_pem() -> bytes:
    return RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class IdentityProvider:
    """`keys` is what the key set holds; `asked` counts how often it was read; `status` and `delay_seconds` break it."""

    def __init__(self) -> None:
        self.issuer = ""
        self.jwks_url = ""
        self.keys: list[dict[str, Any]] = [rsa_key("one"), ec_key("two")]
        self.asked = 0
        self.status = 200
        self.let_through = asyncio.Event()
        self.let_through.set()
        self.padding = ""

    def token(self, key_id: str = "one", key: Any = RSA_KEY, algorithm: str = "RS256", **changes: Any) -> str:
        """A good token, but for the changes; None takes a claim away."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": AUDIENCE, "sub": "asha", "iat": now, "exp": now + 300} | changes
        left = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(left, key, algorithm=algorithm, headers={"kid": key_id})

    async def discovery(self, request: web.Request) -> web.Response:
        return web.json_response({"issuer": self.issuer, "jwks_uri": self.jwks_url})

    async def jwks(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.let_through.wait()
        return web.json_response({"keys": self.keys, "padding": self.padding}, status=self.status)


def rsa_key(key_id: str, **fields: Any) -> dict[str, Any]:
    return RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True) | {"kid": key_id} | fields


def ec_key(key_id: str, **fields: Any) -> dict[str, Any]:
    return ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True) | {"kid": key_id} | fields


@asynccontextmanager
async def identity_provider() -> AsyncIterator[IdentityProvider]:
    provider, app = IdentityProvider(), web.Application()
    app.router.add_get("/realm/.well-known/openid-configuration", provider.discovery)
    app.router.add_get("/keys", provider.jwks)
    async with TestServer(app, host="127.0.0.1") as server:
        provider.issuer, provider.jwks_url = str(server.make_url("/realm")), str(server.make_url("/keys"))
        yield provider
