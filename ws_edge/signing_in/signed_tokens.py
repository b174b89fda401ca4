"""Tokens that edges sign for each other with the secret they share: access tokens, and tickets for `hello`.

In: claims. Out: a JWT, and its claims again if it is really one of ours, of that very use, and has not expired.
"""

import base64
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from ws_edge.dev_sign_in import MIN_SECRET_BYTES
from ws_edge.sign_in import NotSignedIn

ISSUER = "samvad"
ACCESS = "samvad-access"
REFRESH = "samvad-refresh"
TICKET = "samvad-ticket"
"""The audience says what a token is for: a ticket is no access token."""
ALGORITHM = "HS256"
_DERIVED = b"samvad-refresh after "


class SignedTokens:
    """Signs and reads. `clock` gives seconds since 1970."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        if len(secret) < MIN_SECRET_BYTES:
            raise ValueError(f"the sign-in secret must have at least {MIN_SECRET_BYTES} bytes")
        self._secret = secret
        self._clock = clock

    def sign(self, audience: str, expires_at: int, claims: Mapping[str, Any]) -> str:
        """A token that is good until `expires_at` (seconds since 1970)."""
        own = {"iss": ISSUER, "aud": audience, "iat": int(self._clock()), "exp": expires_at}
        return jwt.encode({**claims, **own}, self._secret, algorithm=ALGORITHM)

    def derived(self, word: str) -> str:
        """Another word, always the same for this one, which only the secret's holders can tell: 43 characters."""
        digest = hmac.digest(self._secret, _DERIVED + word.encode(), "sha256")  # no JWT begins like that
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def in_seconds(self, seconds: float) -> int:
        """An expiry, at least a second from now."""
        return int(self._clock() + max(1.0, seconds))

    def read(self, token: str, audience: str) -> dict[str, Any]:
        """The claims. Raises NotSignedIn, without saying why: it would only help a forger."""
        options: Any = {"require": ["exp", "iss", "aud", "sub"], "verify_exp": False, "verify_iat": False}
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._secret, algorithms=[ALGORITHM], audience=audience, issuer=ISSUER, options=options
            )
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            raise NotSignedIn("not one of our tokens") from error
        if not isinstance(claims["exp"], int) or claims["exp"] <= self._clock():
            raise NotSignedIn("the token has expired")
        return claims
