"""May sessions come, and should more be sent here? Pure.

In: what the listener and the drain report. Out: `/readyz`, and the refusal of a new session.
"""

from collections.abc import Callable

from schemas.errors import CloseCode

UNREADY_LAG_SECONDS = 10.0
"""DESIGN 6.8: lagging over 10 s is unready; over 60 s the edge exits."""


class Readiness:
    """`is_rebuilt` and `lag_seconds` ask the listener: are the last replies read, and how far behind is it?"""

    def __init__(self, max_sessions: int, is_rebuilt: Callable[[], bool], lag_seconds: Callable[[], float]) -> None:
        self._max_sessions = max_sessions
        self._is_rebuilt = is_rebuilt
        self._lag_seconds = lag_seconds
        self.is_draining = False

    def reason_not_ready(self) -> str | None:
        """Why no new sessions should be sent here, in a few words."""
        if self.is_draining:
            return "draining"
        if not self._is_rebuilt():
            return "reading the last replies"
        if self._lag_seconds() > UNREADY_LAG_SECONDS:
            return "lagging behind the replies"
        return None

    def refusal_of_session(self, open_sessions: int) -> CloseCode | None:
        """Why a session that came all the same is closed again. A lagging edge is better than none."""
        if self.is_draining:
            return CloseCode.RESTART
        if not self._is_rebuilt() or open_sessions >= self._max_sessions:
            return CloseCode.OVERLOADED
        return None
