"""API keys: a user's programs sign in with them, until they are revoked.

In: a user, or a key. Out: a key, shown once; or whose it is. A key is `sv-` and base64url of the user's id, the key's
id and 32 random bytes: the ids say which row has its hash.
"""

import base64
import binascii
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from schemas.ids import new_id
from schemas.roles import Role
from store.errors import StoreUnavailable
from store.sign_in_rows import ApiKeyRow, UserRow
from ws_edge.sign_in import Identity, NotSignedIn
from ws_edge.signing_in.asking_store import asked
from ws_edge.signing_in.lately_checked import LatelyChecked
from ws_edge.signing_in.secrets_kept import SECRET_BYTES, hash_of, is_same

log = structlog.get_logger(__name__)

PREFIX = "sv-"
SOCKET_SECONDS = 30 * 24 * 3600
"""How long a socket that a key opened may stay, unless another `hello` renews it."""
USED_EVERY_MS = 3_600_000
_ID_BYTES = 16


class ApiKeyRows(Protocol):
    """The store's keys. Raises StoreUnavailable."""

    async def add(self, row: ApiKeyRow) -> None: ...
    async def get(self, user_id: str, key_id: str) -> ApiKeyRow | None: ...
    async def of_user(self, user_id: str) -> list[ApiKeyRow]: ...
    async def used(self, user_id: str, key_id: str, at_ms: int) -> None: ...


class UserRows(Protocol):
    """The store's users. Raises StoreUnavailable."""

    async def get(self, user_id: str) -> UserRow | None: ...


class TooManyKeys(Exception):
    """The user has as many as anybody may have."""


@dataclass(frozen=True, slots=True)
class KeyParts:
    """What keys work with. `clock_ms`: milliseconds since 1970."""

    rows: ApiKeyRows
    users: UserRows
    lately: LatelyChecked
    clock_ms: Callable[[], int]
    max_keys: int


class ApiKeys:
    """Every method raises SignInUnavailable when the store does not answer."""

    def __init__(self, parts: KeyParts) -> None:
        self._parts = parts

    async def make(self, user_id: str, name: str) -> tuple[str, ApiKeyRow]:
        """A new key, and what is kept of it. Raises TooManyKeys."""
        if len(await self.of_user(user_id)) >= self._parts.max_keys:
            raise TooManyKeys
        key_id = new_id()
        key = _written(user_id, key_id, secrets.token_bytes(SECRET_BYTES))
        row = ApiKeyRow(
            user_id=user_id,
            key_id=key_id,
            key_hash=hash_of(key),
            name=name,
            last_four=key[-4:],
            created_at_ms=self._parts.clock_ms(),
        )
        await asked(self._parts.rows.add(row))
        return key, row

    async def of_user(self, user_id: str) -> list[ApiKeyRow]:
        """All keys of the user."""
        return await asked(self._parts.rows.of_user(user_id))

    async def check(self, key: str, max_age_seconds: float = 0.0) -> Identity:
        """Whose key it is. Raises NotSignedIn."""
        user_id, key_id = _ids_in(key)
        return await self._parts.lately.identity(
            hash_of(key), max_age_seconds, lambda: self._read(key, user_id, key_id)
        )

    async def check_again(self, identity: Identity) -> Identity:
        """What a ticket says that a key asked for. Raises NotSignedIn if the key is gone."""
        user_id, key_id = identity.user_id, identity.sign_in_id or ""

        async def read() -> Identity:
            _refuse_gone(await self._parts.rows.get(user_id, key_id), await self._parts.users.get(user_id))
            return identity

        return await self._parts.lately.identity(key_id, 0.0, read)

    async def _read(self, key: str, user_id: str, key_id: str) -> Identity:
        row = await self._parts.rows.get(user_id, key_id)
        if row is None or not is_same(row.key_hash, hash_of(key)):
            raise NotSignedIn("no such key")
        user = await self._parts.users.get(user_id)
        _refuse_gone(row, user)
        await self._note_use(row)
        expires_at = self._parts.clock_ms() / 1000 + SOCKET_SECONDS
        role = Role.USER if user is None else user.role
        return Identity(user_id, expires_at, role, key_id, is_program=True)

    async def _note_use(self, row: ApiKeyRow) -> None:
        now_ms = self._parts.clock_ms()
        if now_ms - (row.used_at_ms or 0) < USED_EVERY_MS:
            return
        try:
            await self._parts.rows.used(row.user_id, row.key_id, now_ms)
        except StoreUnavailable as error:  # the key is good all the same
            log.warning("key_use_not_noted", reason=str(error))


def _refuse_gone(row: ApiKeyRow | None, user: UserRow | None) -> None:
    if row is None or (user is not None and user.disabled):
        raise NotSignedIn("the key was revoked")


def _written(user_id: str, key_id: str, secret: bytes) -> str:
    packed = uuid.UUID(user_id).bytes + uuid.UUID(key_id).bytes + secret
    return PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _ids_in(key: str) -> tuple[str, str]:
    encoded = key.removeprefix(PREFIX)
    try:
        packed = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError) as error:
        raise NotSignedIn("no such key") from error
    if len(packed) != 2 * _ID_BYTES + SECRET_BYTES:
        raise NotSignedIn("no such key")
    return str(uuid.UUID(bytes=packed[:_ID_BYTES])), str(uuid.UUID(bytes=packed[_ID_BYTES : 2 * _ID_BYTES]))
