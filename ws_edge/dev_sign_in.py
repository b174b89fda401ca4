"""Development sign-in: anybody on this machine gets a token for any name. For trying and testing, on loopback only.

In: a name. Out: a token that `hello` and `Authorization: Bearer` take.
"""

import time
from collections.abc import Callable

import jwt

from schemas.ids import user_id_of
from ws_edge.sign_in import Identity, NotSignedIn

ISSUER = "dev"
AUDIENCE = "samvad"
ALGORITHM = "HS256"
MIN_SECRET_BYTES = 32
MAX_NAME_CHARACTERS = 64


class BadName(ValueError):
    """A name is 1-64 printable characters, and not blank."""


class DevSignIn:
    """Issues and checks tokens signed with one secret. `clock` gives seconds since 1970."""

    def __init__(self, secret: bytes, session_hours: float = 12.0, clock: Callable[[], float] = time.time) -> None:
        if len(secret) < MIN_SECRET_BYTES:
            raise ValueError(f"the sign-in secret must have at least {MIN_SECRET_BYTES} bytes")
        self._secret = secret
        self._session_seconds = session_hours * 3600
        self._clock = clock

    def sign_in(self, name: str) -> tuple[str, Identity]:
        """A token, and whose it is. Raises BadName."""
        if not 1 <= len(name) <= MAX_NAME_CHARACTERS or not name.isprintable() or not name.strip():
            raise BadName("a name is 1-64 printable characters")
        expires_at = int(self._clock() + self._session_seconds)
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": name, "exp": expires_at}
        identity = Identity(user_id_of(ISSUER, name), expires_at)
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM), identity

    async def check(self, token: str, max_age_seconds: float = 0.0) -> Identity:
        """Raises NotSignedIn, without saying why: it would only help a forger."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": ["exp", "iss", "aud", "sub"], "verify_exp": False},
            )
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:  # a hostile header may nest without end
            raise NotSignedIn("not one of our tokens") from error
        return self._identity(claims["sub"], claims["exp"])

    def _identity(self, name: object, expires_at: object) -> Identity:
        if not isinstance(name, str) or not isinstance(expires_at, int) or expires_at <= self._clock():
            raise NotSignedIn("the token has expired")
        return Identity(user_id_of(ISSUER, name), expires_at)
