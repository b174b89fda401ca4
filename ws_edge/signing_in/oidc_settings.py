"""Which identity provider vouches for users, from the environment (prefix `SAMVAD_`)."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ws_edge.loopback import is_loopback

ASYMMETRIC = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""HS* would make of the provider's public key a secret that everybody knows; `none` is no signature."""


class OidcSettings(BaseSettings):
    """An OpenID Connect provider. Without an issuer there is none."""

    model_config = SettingsConfigDict(
        env_prefix="SAMVAD_",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    oidc_issuer: str | None = None
    """Exactly as `iss` in its tokens, such as `https://id.example.org/realms/chat`; with it, its tokens sign in."""
    oidc_audience: str | None = None
    """What `aud` of a token must be: this installation's name at the provider."""
    oidc_jwks_url: str | None = None
    """Where its keys are (default: what its discovery document says)."""
    oidc_algorithms: Annotated[tuple[str, ...], NoDecode] = ("RS256", "ES256")
    """How its tokens may be signed, several by commas."""
    oidc_role_claim: str | None = None
    """The claim that says who is an admin, such as `groups` or `realm_access.roles`."""
    oidc_admin_value: str = "admin"
    """What it has, or is, for an admin."""

    @field_validator("oidc_algorithms", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("oidc_algorithms")
    @classmethod
    def _only_public_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not set(value) <= ASYMMETRIC:
            raise ValueError(f"only {', '.join(sorted(ASYMMETRIC))} tell a provider's tokens from forged ones")
        return value

    @field_validator("oidc_issuer", "oidc_jwks_url")
    @classmethod
    def _safe_to_ask(cls, value: str | None) -> str | None:
        if value is not None and not is_safe_to_ask(value):
            raise ValueError("must begin with https://, or http:// on loopback")
        return value

    @model_validator(mode="after")
    def _refuse_half(self) -> Self:
        if self.oidc_issuer is not None and self.oidc_audience is None:
            raise ValueError("SAMVAD_OIDC_ISSUER is set and SAMVAD_OIDC_AUDIENCE is not: tokens for others would do")
        idle = {"AUDIENCE": self.oidc_audience, "JWKS_URL": self.oidc_jwks_url, "ROLE_CLAIM": self.oidc_role_claim}
        if self.oidc_issuer is None and (unused := [name for name, value in idle.items() if value is not None]):
            raise ValueError(f"SAMVAD_OIDC_{unused[0]} would have no effect: set SAMVAD_OIDC_ISSUER")
        return self


def is_safe_to_ask(url: str) -> bool:
    """Whether nobody on the way can answer instead."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
