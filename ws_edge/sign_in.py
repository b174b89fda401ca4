"""Who is there: what a token says, whoever issued it.

In: a token. Out: an `Identity`, or NotSignedIn. A token is never logged and never part of an address.
"""

from dataclasses import dataclass
from typing import Protocol


class NotSignedIn(Exception):
    """The token is missing, expired or not ours."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user, and until when that is vouched for (seconds since 1970)."""

    user_id: str
    expires_at: float


class SignIn(Protocol):
    """Checks tokens."""

    def check(self, token: str) -> Identity:
        """Raises NotSignedIn."""
