"""An identity provider's public keys: remembered, fetched again in good time, and never by a flood of bad tokens.

In: a key's id. Out: the key. An unknown id has the keys fetched, at most once in `MIN_SECONDS` for everybody together;
while the provider is away, the keys that are known stay good for a day, and of others nobody can say that they are
none.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import jwt
import structlog

from ws_edge.sign_in import NotSignedIn, SignInUnavailable

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 600.0
"""After this they are fetched again, in the background, when one is asked for."""
STALE_SECONDS = 24 * 3600.0
MIN_SECONDS = 10.0
MAX_KEYS = 100

Fetch = Callable[[], Awaitable[bytes]]
"""The key set as JSON. Raises KeysUnavailable."""


class KeysUnavailable(Exception):
    """The provider does not answer, or not with keys."""


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """A public key. `algorithm`: what the provider says that it is for, if it says so."""

    key_id: str | None
    key: Any
    algorithm: str | None


class Jwks:
    """One for each provider. `now` gives monotonic seconds."""

    def __init__(self, fetch: Fetch, now: Callable[[], float]) -> None:
        self._fetch = fetch
        self._now = now
        self._keys: dict[str | None, ProviderKey] = {}
        self._fetched_at: float | None = None
        self._tried_at = float("-inf")
        self._last_failed = False
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, key_id: str | None) -> ProviderKey:
        """Raises NotSignedIn for one that the provider does not have, SignInUnavailable if it can't be asked."""
        if (key := self._known(key_id)) is not None:
            if self._age() > REFRESH_SECONDS:
                self._begin_fetching()
            return key
        fetching = self._begin_fetching()
        if fetching is not None:
            await asyncio.wait([fetching])
        if (key := self._known(key_id)) is not None:
            return key
        if self._last_failed or self._age() > STALE_SECONDS:  # it may be a new one
            raise SignInUnavailable("the identity provider's keys are not known")
        raise NotSignedIn("the identity provider has no such key")

    async def close(self) -> None:
        """Ends what is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _known(self, key_id: str | None) -> ProviderKey | None:
        return self._keys.get(key_id) if self._age() <= STALE_SECONDS else None

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._now() - self._fetched_at

    def _begin_fetching(self) -> asyncio.Task[None] | None:
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        if self._now() - self._tried_at < MIN_SECONDS:
            return None
        self._tried_at, self._last_failed = self._now(), True
        self._fetching = asyncio.create_task(self._fetch_keys(), name="fetch-keys")
        return self._fetching

    async def _fetch_keys(self) -> None:
        try:
            self._keys = keys_in(await self._fetch())
            self._fetched_at, self._last_failed = self._now(), False
        except KeysUnavailable as error:
            log.warning("keys_not_fetched", reason=str(error))
        except Exception:  # the edge of a task: the old keys stay
            log.exception("fetching_keys_broke")


def keys_in(document: bytes) -> dict[str | None, ProviderKey]:
    """The usable keys of a key set, by id. Raises KeysUnavailable if it is none. Pure."""
    try:
        listed = json.loads(document)["keys"]
        if not isinstance(listed, list):
            raise TypeError("no list")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise KeysUnavailable("the answer is no key set") from error
    keys = (_usable(each) for each in listed[:MAX_KEYS])
    return {key.key_id: key for key in keys if key is not None}


def _usable(described: Any) -> ProviderKey | None:
    """Public keys for signatures only; one of a kind that we don't know is no reason to refuse the others."""
    if not isinstance(described, dict) or described.get("kty") == "oct" or described.get("use", "sig") != "sig":
        return None
    key_id, algorithm = described.get("kid"), described.get("alg")
    if not isinstance(key_id, str | None) or not isinstance(algorithm, str | None):
        return None
    try:
        return ProviderKey(key_id, jwt.PyJWK(described).key, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
