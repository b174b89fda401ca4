"""A running edge in numbers, read when somebody asks (on the admin server's thread: nothing here changes anything)."""

from collections.abc import Callable

from ws_edge.hub import Hub
from ws_edge.sockets import Sockets


class NumbersOfEdge:
    """What `observability.edge_metrics` shows."""

    def __init__(self, sockets: Sockets, hub: Hub, reply_lag_seconds: Callable[[], float]) -> None:
        self._sockets = sockets
        self._hub = hub
        self.reply_lag_seconds = reply_lag_seconds

    def connections(self) -> float:
        return len(self._sockets.sessions)

    def sessions(self) -> float:
        return self._hub.session_count

    def turns_in_flight(self) -> float:
        return self._hub.turns.total_open
