"""What the routes of signing in say and take, as OpenAPI describes it. Times are RFC 3339 UTC."""

from typing import Annotated

from pydantic import BaseModel, Field, SecretStr, StringConstraints

from schemas.clock import rfc3339
from schemas.roles import Role
from store.sign_in_rows import ApiKeyRow, UserRow
from ws_edge.sign_in import Identity
from ws_edge.signing_in.names import MAX_PASSWORD_CHARACTERS
from ws_edge.signing_in.sign_ins import Tokens

Password = Annotated[SecretStr, Field(max_length=MAX_PASSWORD_CHARACTERS)]
Name = Annotated[str, StringConstraints(max_length=256)]
KeyName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class NameAndPassword(BaseModel):
    name: Name = Field(examples=["asha"])
    password: Password


class TokensModel(BaseModel):
    """`token` serves `hello` and `Authorization: Bearer`; `refresh_token` gets the next two, once."""

    token: str
    expires_at: str
    refresh_token: str
    refresh_expires_at: str
    user_id: str


class Refresh(BaseModel):
    refresh_token: Annotated[str, StringConstraints(max_length=4096)]


class WhoIsThere(BaseModel):
    user_id: str
    role: Role
    expires_at: str


class Ticket(BaseModel):
    """Say it in a `hello`, once, before it expires."""

    ticket: str
    expires_at: str


class NewKey(BaseModel):
    name: KeyName = Field(examples=["nightly report"])


class ApiKeyModel(BaseModel):
    """`used_at` is right to the hour; null: never."""

    id: str
    name: str
    created_at: str
    last_four: str
    used_at: str | None


class MadeKey(ApiKeyModel):
    """`key` is shown this once."""

    key: str


class ApiKeysModel(BaseModel):
    api_keys: list[ApiKeyModel]


class NewUser(NameAndPassword):
    role: Role = Role.USER


class UserModel(BaseModel):
    user_id: str
    name: str
    role: Role
    disabled: bool
    created_at: str


class UsersPage(BaseModel):
    """`next`: give it as `after` to read on; null at the end."""

    users: list[UserModel]
    next: str | None


def tokens_model(tokens: Tokens) -> TokensModel:
    return TokensModel(
        token=tokens.token,
        expires_at=rfc3339(tokens.expires_at * 1000),
        refresh_token=tokens.refresh_token,
        refresh_expires_at=rfc3339(tokens.refresh_expires_at * 1000),
        user_id=tokens.user_id,
    )


def who_is_there(identity: Identity) -> WhoIsThere:
    expires_at = rfc3339(int(identity.expires_at * 1000))
    return WhoIsThere(user_id=identity.user_id, role=identity.role, expires_at=expires_at)


def api_key_model(row: ApiKeyRow) -> ApiKeyModel:
    used_at = None if row.used_at_ms is None else rfc3339(row.used_at_ms)
    created_at = rfc3339(row.created_at_ms)
    return ApiKeyModel(id=row.key_id, name=row.name, created_at=created_at, last_four=row.last_four, used_at=used_at)


def user_model(row: UserRow) -> UserModel:
    return UserModel(
        user_id=row.user_id,
        name=row.name or "",
        role=row.role,
        disabled=row.disabled,
        created_at=rfc3339(row.created_at_ms),
    )
