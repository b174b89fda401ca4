"""Asks whoever issued a token: by its prefix, or by the issuer that it claims, which only they can confirm.

In: a token. Out: what its issuer says. Nothing that an unverified token claims is believed: it only chooses whom
to ask.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from ws_edge.sign_in import Identity, NotSignedIn, SignIn
from ws_edge.signing_in.api_keys import PREFIX

MAX_TOKEN_CHARACTERS = 16 * 1024
"""Identity providers put groups into tokens; more than this is no token."""


class AnySignIn:
    """`issuers`: who checks the JWTs of which issuer. `keys` checks API keys, where there are any."""

    def __init__(self, issuers: Mapping[str, SignIn], keys: SignIn | None = None) -> None:
        self._issuers = issuers
        self._keys = keys

    async def check(self, token: str, max_age_seconds: float = 0.0) -> Identity:
        """Raises NotSignedIn or SignInUnavailable."""
        return await self._checker_of(token).check(token, max_age_seconds)

    def _checker_of(self, token: str) -> SignIn:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise NotSignedIn("too long for a token")
        if token.startswith(PREFIX) and self._keys is not None:
            return self._keys
        issuer = unverified_claims(token).get("iss")
        checker = self._issuers.get(issuer) if isinstance(issuer, str) else None
        if checker is None:
            raise NotSignedIn("nobody here knows its issuer")
        return checker


def unverified_claims(token: str) -> dict[str, Any]:
    """What a JWT says, true or not. Raises NotSignedIn for what is no JWT."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:  # a hostile header may nest without end
        raise NotSignedIn("no token") from error
    return claims
