"""Who is there: what a token says, whoever issued it.

In: a token. Out: an `Identity`, or NotSignedIn. A token is never logged and never part of an address.
"""

from dataclasses import dataclass
from typing import Protocol

from schemas.roles import Role


class NotSignedIn(Exception):
    """The token is missing, expired, ended or not ours."""


class SignInUnavailable(Exception):
    """Who it is can't be found out right now: the store or the identity provider does not answer. Try again later."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user, and until when that is vouched for (seconds since 1970).

    `sign_in_id`: the sign-in, or the API key, that this belongs to; None for a token whose issuer keeps none here.
    `generation`: the user's, when the sign-in began; another one ends it. `is_program`: signed in by an API key.
    """

    user_id: str
    expires_at: float
    role: Role = Role.USER
    sign_in_id: str | None = None
    generation: str = ""
    is_program: bool = False


class SignIn(Protocol):
    """Checks tokens."""

    async def check(self, token: str, max_age_seconds: float = 0.0) -> Identity:
        """Whose it is. What the store says about it may be as old as `max_age_seconds`; an end that this edge was
        told of counts at once.

        Raises NotSignedIn or SignInUnavailable.
        """
