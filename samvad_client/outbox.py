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
        self._unconfirmed: set[str] = set()

    def __len__(self) -> int:
        return len(self._sends)

    def add(self, send: Asking) -> None:
        request_id = str(send.request_id)
        self._sends[request_id] = send
        self._unconfirmed.add(request_id)

    def confirm(self, request_id: str) -> None:
        """The edge has it durably: `accepted` came, or a frame of its turn."""
        self._unconfirmed.discard(request_id)

    def doubt(self, request_id: str) -> None:
        """An edge does not know its turn: it is said again, and what becomes of that is not known yet."""
        self._unconfirmed.add(request_id)

    def forget(self, request_id: str | None) -> None:
        """Its turn ended, or it was rejected."""
        if request_id is not None:
            self._sends.pop(request_id, None)
            self._unconfirmed.discard(request_id)

    def find(self, request_id: str | None) -> Asking | None:
        return None if request_id is None else self._sends.get(request_id)

    def is_unconfirmed(self, request_id: str) -> bool:
        return request_id in self._unconfirmed

    def unconfirmed(self) -> list[Asking]:
        """What to say again on a new connection, oldest first."""
        return [send for request_id, send in self._sends.items() if request_id in self._unconfirmed]
