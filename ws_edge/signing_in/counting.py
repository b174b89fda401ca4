"""How people sign in, and how that goes: for the metrics. The words are a closed list.

In: what is tried. Out: one count of its outcome. A bug, or a client that left meanwhile, is none.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from ws_edge.sign_in import NotSignedIn, SignInUnavailable
from ws_edge.signing_in.attempts import TooManyAttempts
from ws_edge.signing_in.passwords import TooManyAtOnce
from ws_edge.signing_in.refreshing import RefreshReused


class Way(StrEnum):
    PASSWORD = "password"
    PROVIDER = "provider"
    """A cookie for a token of the identity provider."""
    REFRESH = "refresh"
    HELLO = "hello"
    """A websocket's first frame, or one that renews it: a token, a ticket or an API key."""
    COOKIE = "cookie"
    """A websocket that a browser opened."""


class Outcome(StrEnum):
    SIGNED_IN = "signed_in"
    REFUSED = "refused"
    REUSED = "reused"
    """An old refresh token came back."""
    TOO_MANY = "too_many"
    """Too many tries, or too many at once."""
    UNAVAILABLE = "unavailable"
    """The store or the identity provider did not answer."""


Count = Callable[[str, str], None]
"""Takes a way and an outcome."""

_OUTCOMES: tuple[tuple[type[Exception], Outcome], ...] = (
    (RefreshReused, Outcome.REUSED),
    (NotSignedIn, Outcome.REFUSED),
    (TooManyAttempts, Outcome.TOO_MANY),
    (TooManyAtOnce, Outcome.TOO_MANY),
    (SignInUnavailable, Outcome.UNAVAILABLE),
)


@contextmanager
def counted(count: Count, way: Way) -> Iterator[None]:
    """Counts how the block ends; raises what it raises."""
    try:
        yield
    except Exception as error:
        outcome = next((outcome for kind, outcome in _OUTCOMES if isinstance(error, kind)), None)
        if outcome is not None:
            count(way, outcome)
        raise
    count(way, Outcome.SIGNED_IN)
