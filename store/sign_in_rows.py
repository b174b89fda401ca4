"""The rows behind signing in: accounts, sign-ins and API keys, the same for every implementation of the store.

Secrets are kept as hashes only. Times are milliseconds since 1970 (UTC).
"""

import msgspec

from schemas.roles import Role


class UserRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a user. `name` None: not a local account, somebody else vouches for them.

    `generation`: a random word that every sign-in copies when it begins. Another word ends all earlier sign-ins at
    once, whatever the clocks of two edges say.
    """

    user_id: str
    name: str | None = None
    password_hash: str | None = None
    role: Role = Role.USER
    disabled: bool = False
    created_at_ms: int = 0
    generation: str = ""


class UserChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be different of a local account; None stays as it is."""

    password_hash: str | None = None
    role: Role | None = None
    disabled: bool | None = None
    generation: str | None = None


class SignInRow(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in, from its beginning until it ends or expires. `sign_in_id` is the hash of the secret in its cookie.

    `refresh_hash`: of the one refresh token that renews its access tokens; None for a browser's. `rotated_at_ms`: when
    it took the place of the one before; None for the first.
    """

    sign_in_id: str
    user_id: str
    role: Role
    generation: str
    created_at_ms: int
    expires_at_ms: int
    refresh_hash: str | None = None
    ended: bool = False
    rotated_at_ms: int | None = None


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """One refresh token takes the place of another. Both are hashes."""

    old_hash: str
    new_hash: str
    at_ms: int


class ApiKeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A program's key. `used_at_ms` is coarse: it is written at most once an hour."""

    user_id: str
    key_id: str
    key_hash: str
    name: str
    last_four: str
    created_at_ms: int
    used_at_ms: int | None = None
