"""Tokens of an identity provider (OpenID Connect): verified with its public keys.

In: a JWT. Out: whose it is: the user is the issuer and the subject. Signature, algorithm, issuer, audience and times
are checked; a signature takes some 50 us, so on the loop.
"""

import time
from typing import Any

import jwt

from schemas.ids import user_id_of
from schemas.roles import Role
from ws_edge.sign_in import Identity, NotSignedIn
from ws_edge.signing_in.jwks import Jwks
from ws_edge.signing_in.oidc_settings import OidcSettings

LEEWAY_SECONDS = 30
"""For clocks that differ."""
MAX_SECONDS = 366 * 24 * 3600
MAX_SUBJECT_CHARACTERS = 255
_REQUIRED = ["exp", "iss", "aud", "sub"]


class OidcSignIn:
    """One for each provider."""

    def __init__(self, settings: OidcSettings, keys: Jwks) -> None:
        self._settings = settings
        self._keys = keys

    @property
    def issuer(self) -> str:
        return self._settings.oidc_issuer or ""

    async def check(self, token: str, max_age_seconds: float = 0.0) -> Identity:
        """Raises NotSignedIn, without saying why, or SignInUnavailable while the provider's keys are not known."""
        key_id, algorithm = self._header_of(token)
        key = await self._keys.key(key_id)
        if key.algorithm not in (None, algorithm):
            raise NotSignedIn("the key is for another algorithm")
        claims = self._verified(token, key.key)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 1 <= len(subject) <= MAX_SUBJECT_CHARACTERS:
            raise NotSignedIn("no subject")
        expires_at = min(claims["exp"] + LEEWAY_SECONDS, time.time() + MAX_SECONDS)
        return Identity(user_id_of(self.issuer, subject), expires_at, self._role_in(claims))

    def _header_of(self, token: str) -> tuple[str | None, str]:
        """Which key, and which of the allowed algorithms: before anybody is asked for a key."""
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            raise NotSignedIn("no token") from error
        key_id, algorithm = header.get("kid"), header.get("alg")
        if algorithm not in self._settings.oidc_algorithms or not isinstance(key_id, str | None):
            raise NotSignedIn("not an allowed algorithm")
        return key_id, algorithm

    def _verified(self, token: str, key: Any) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(self._settings.oidc_algorithms),
                audience=self._settings.oidc_audience,
                issuer=self.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": _REQUIRED},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise NotSignedIn("not a token of the provider") from error
        if not isinstance(claims["exp"], int | float):
            raise NotSignedIn("no expiry")
        return claims

    def _role_in(self, claims: dict[str, Any]) -> Role:
        found = _claim(claims, self._settings.oidc_role_claim)
        values = found if isinstance(found, list) else [found]
        return Role.ADMIN if self._settings.oidc_admin_value in values else Role.USER


def _claim(claims: dict[str, Any], name: str | None) -> Any:
    """A claim by its name, or by a path with dots."""
    if name is None:
        return None
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
