"""Requests that may have to be said again: until accepted, because the edge may not have them; after that until the
turn ends, because an edge may report the turn as unknown. Pure.

In: `send` and `regenerate` frames, and what became of them. Out: those to repeat; a repetition has one effect (G1).
"""

from schemas.client_frames import Regenerate, Send

Asking = Send | Regenerate


class Outbox:
    """Remembers each request's frame by `request_id`."""

    def __init__(self) -> None:
        self._sends: dict[str, Asking] = {}
        self._unconfirmed: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._sends)

    def add(self, send: Asking) -> None:
        request_id = str(send.request_id)
        self._sends[request_id] = send
        self._unconfirmed[request_id] = None

    def confirm(self, request_id: str) -> None:
        """The edge has it durably: `accepted` came, or a frame of its turn."""
        self._unconfirmed.pop(request_id, None)

    def forget(self, request_id: str | None) -> None:
        """Its turn ended, or it was rejected."""
        if request_id is not None:
            self._sends.pop(request_id, None)
            self._unconfirmed.pop(request_id, None)

    def find(self, request_id: str | None) -> Asking | None:
        return None if request_id is None else self._sends.get(request_id)

    def unconfirmed(self) -> list[Asking]:
        """What to say again on a new connection, oldest first."""
        return [self._sends[request_id] for request_id in self._unconfirmed]
