"""Sign-ins: begun with a password or somebody else's token, checked, until they end or expire.

In: a user. Out: the secret of a browser's cookie, or an access token with the refresh token that renews it. The store
keeps hashes; what names a sign-in in tokens and notices is such a hash, and opens nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from schemas.roles import Role
from store.sign_in_rows import Rotation, SignInRow, UserRow
from ws_edge.sign_in import Identity, NotSignedIn
from ws_edge.signing_in.asking_store import asked
from ws_edge.signing_in.lately_checked import LatelyChecked
from ws_edge.signing_in.secrets_kept import hash_of, new_secret
from ws_edge.signing_in.settings import SignInSettings
from ws_edge.signing_in.signed_tokens import ACCESS, REFRESH, SignedTokens

DAY_MS = 24 * 3600 * 1000


class SignInRows(Protocol):
    """The store's sign-ins. Raises StoreUnavailable."""

    async def begin(self, row: SignInRow) -> None: ...
    async def get(self, sign_in_id: str) -> SignInRow | None: ...
    async def get_now(self, sign_in_id: str) -> SignInRow | None: ...
    async def rotate(self, sign_in_id: str, rotation: Rotation, expires_at_ms: int) -> bool: ...


class UserRows(Protocol):
    """The store's users. Raises StoreUnavailable."""

    async def get(self, user_id: str) -> UserRow | None: ...


@dataclass(frozen=True, slots=True)
class Begun:
    """A new sign-in: `secret` is for a cookie."""

    secret: str
    identity: Identity
    row: SignInRow


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a program gets. Times are seconds since 1970."""

    token: str
    expires_at: int
    refresh_token: str
    refresh_expires_at: int
    user_id: str


@dataclass(frozen=True, slots=True)
class SignInParts:
    """What sign-ins work with. `clock_ms`: milliseconds since 1970."""

    rows: SignInRows
    users: UserRows
    tokens: SignedTokens
    lately: LatelyChecked
    settings: SignInSettings
    clock_ms: Callable[[], int]


class SignIns:
    """Every method raises SignInUnavailable when the store does not answer."""

    def __init__(self, parts: SignInParts) -> None:
        self._parts = parts

    async def begin(self, user_id: str, role: Role, user: UserRow | None, refresh_id: str | None = None) -> Begun:
        """Starts one. `user`: the row that the user was let in by, so that what changed meanwhile ends it at once."""
        now_ms, secret = self._parts.clock_ms(), new_secret()
        row = SignInRow(
            sign_in_id=hash_of(secret),
            user_id=user_id,
            role=role,
            generation="" if user is None else user.generation,
            created_at_ms=now_ms,
            expires_at_ms=now_ms + int(self._parts.settings.sign_in_days * DAY_MS),
            refresh_hash=None if refresh_id is None else hash_of(refresh_id),
        )
        identity = identity_of(row, user)
        await asked(self._parts.rows.begin(row))
        return Begun(secret, identity, row)

    async def begin_with_tokens(self, user_id: str, role: Role, user: UserRow | None) -> Tokens:
        """Starts one for a program."""
        refresh_id = new_secret()
        return self.tokens_of((await self.begin(user_id, role, user, refresh_id)).row, refresh_id)

    async def begin_for_other(self, identity: Identity) -> Begun:
        """Starts one for whom somebody else vouches. Raises NotSignedIn for a user who is disabled here."""
        user = await asked(self._parts.users.get(identity.user_id))
        return await self.begin(identity.user_id, identity.role, user)

    async def check(self, sign_in_id: str, max_age_seconds: float = 0.0) -> Identity:
        """Whose it is, while it lasts. Raises NotSignedIn."""
        return await self._parts.lately.identity(sign_in_id, max_age_seconds, lambda: self._read(sign_in_id))

    async def check_access(self, token: str, max_age_seconds: float = 0.0) -> Identity:
        """Whose access token it is. Raises NotSignedIn."""
        claims = self._parts.tokens.read(token, ACCESS)
        identity = await self.check(text_claim(claims, "sid"), max_age_seconds)
        if identity.user_id != claims["sub"]:
            raise NotSignedIn("the token is not its sign-in's")
        return replace(identity, expires_at=min(identity.expires_at, claims["exp"]))

    async def check_cookie(self, secret: str, max_age_seconds: float = 0.0) -> Identity:
        """Whose browser it is. Raises NotSignedIn."""
        return await self.check(hash_of(secret), max_age_seconds)

    async def row_of_cookie(self, secret: str) -> SignInRow | None:
        """The sign-in of a cookie, ended or not."""
        return await asked(self._parts.rows.get(hash_of(secret)))

    async def row_of_access(self, token: str) -> SignInRow | None:
        """The sign-in of an access token, ended or not. Raises NotSignedIn if it is none."""
        return await asked(self._parts.rows.get(text_claim(self._parts.tokens.read(token, ACCESS), "sid")))

    async def _read(self, sign_in_id: str) -> Identity:
        row = await self._parts.rows.get(sign_in_id)
        if row is None:
            raise NotSignedIn("no such sign-in")
        return identity_of(row, await self._parts.users.get(row.user_id))

    def tokens_of(self, row: SignInRow, refresh_id: str) -> Tokens:
        """An access token, and the refresh token that the row has the hash of."""
        tokens, ends_at = self._parts.tokens, row.expires_at_ms // 1000
        expires_at = min(tokens.in_seconds(self._parts.settings.access_token_minutes * 60), ends_at)
        claims = {"sub": row.user_id, "sid": row.sign_in_id}
        refresh_token = tokens.sign(REFRESH, ends_at, {**claims, "jti": refresh_id})
        return Tokens(tokens.sign(ACCESS, expires_at, claims), expires_at, refresh_token, ends_at, row.user_id)


def identity_of(row: SignInRow, user: UserRow | None) -> Identity:
    """Whose sign-in it is; a local account's role is the account's own. Raises NotSignedIn once it has ended."""
    generation, is_local = ("", False) if user is None else (user.generation, user.name is not None)
    if row.ended or generation != row.generation or (user is not None and user.disabled):
        raise NotSignedIn("the sign-in has ended")
    role = user.role if user is not None and is_local else row.role
    return Identity(row.user_id, row.expires_at_ms / 1000, role, row.sign_in_id, row.generation)


def text_claim(claims: dict[str, Any], name: str) -> str:
    """Raises NotSignedIn."""
    value = claims.get(name)
    if not isinstance(value, str):
        raise NotSignedIn("a claim is missing")
    return value
