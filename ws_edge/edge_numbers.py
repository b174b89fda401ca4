"""A running edge in numbers, read when somebody asks (on the admin server's thread: nothing here changes anything)."""

from collections.abc import Callable

from ws_edge.connected import Connected
from ws_edge.hub import Hub


class NumbersOfEdge:
    """What `observability.edge_metrics` shows."""

    def __init__(self, connected: Connected, hub: Hub, reply_lag_seconds: Callable[[], float]) -> None:
        self._connected = connected
        self._hub = hub
        self.reply_lag_seconds = reply_lag_seconds

    def connections(self) -> float:
        return len(self._connected.sessions)

    def sessions(self) -> float:
        return self._hub.session_count

    def turns_in_flight(self) -> float:
        return self._hub.turns.total_open
