"""Asks an identity provider for its keys, over HTTP: bounded in time and size, and never led elsewhere.

In: the provider's settings. Out: its key set as JSON, or KeysUnavailable.
"""

import asyncio
import json
import ssl
from urllib.parse import urlsplit

import httpx

from ws_edge.loopback import is_loopback
from ws_edge.signing_in.jwks import KeysUnavailable
from ws_edge.signing_in.oidc_settings import OidcSettings, is_safe_to_ask

TIMEOUT_SECONDS = 4.0
MAX_BYTES = 512 * 1024


class KeySource:
    """Callable: fetches the key set, having asked the discovery document where it is."""

    def __init__(self, settings: OidcSettings) -> None:
        self._issuer = settings.oidc_issuer or ""
        self._jwks_url = settings.oidc_jwks_url
        self._trust: ssl.SSLContext | None = None

    async def __call__(self) -> bytes:
        """Raises KeysUnavailable."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._get(self._jwks_url or await self._discovered())
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            raise KeysUnavailable(f"{self._issuer}: {type(error).__name__}") from error

    async def _discovered(self) -> str:
        document = await self._get(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        try:
            said = json.loads(document)
            issuer, url = said["issuer"], str(said["jwks_uri"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise KeysUnavailable(f"{self._issuer}: its discovery document can't be read") from error
        if issuer != self._issuer or not is_safe_to_ask(url):
            raise KeysUnavailable(f"{self._issuer}: its discovery document is another issuer's, or not safe")
        return url

    async def _get(self, url: str) -> bytes:
        if self._trust is None:
            self._trust = await asyncio.to_thread(ssl.create_default_context)  # reads files for 20 ms
        is_here = is_loopback(urlsplit(url).hostname or "")
        async with (
            httpx.AsyncClient(verify=self._trust, timeout=TIMEOUT_SECONDS, trust_env=not is_here) as http,
            http.stream("GET", url, headers={"accept": "application/json"}) as response,
        ):
            if response.status_code != 200:
                raise KeysUnavailable(f"{self._issuer}: answered {response.status_code}")
            return await _bounded(response)


async def _bounded(response: httpx.Response) -> bytes:
    parts, size = list[bytes](), 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            raise KeysUnavailable("the answer is too long")
    return b"".join(parts)
