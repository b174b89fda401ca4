"""A session as long as one REST request: what it asks or stops takes the very same way as a socket's frame.

In: a user, and the hub that it joins. Out: the answers to what it said (`accepted`, `rejected`, `error`); all else that
a session is told is let go at once, so that nothing piles up here, and the answer is never lost behind it.
"""

from types import TracebackType
from typing import Self

from schemas import codec
from schemas.frames import Accepted, ErrorFrame, Rejected
from ws_edge.feed import Feed
from ws_edge.hub import Hub
from ws_edge.outbox import Outbox
from ws_edge.settings import EdgeSettings
from ws_edge.watching import Watcher

Answer = Accepted | Rejected | ErrorFrame
_ANSWERS = frozenset(("accepted", "rejected", "error"))


class BriefSession:
    """`with BriefSession(...) as session`: it is one of the user's sessions while the block runs."""

    def __init__(self, user_id: str, hub: Hub, watcher: Watcher, settings: EdgeSettings) -> None:
        self.answers: list[Answer] = []
        outbox = Outbox(settings.outbox_bytes, settings.outbox_hard_bytes)
        self.feed = Feed(user_id, hub.turns, outbox, self._listen)
        self._hub = hub
        self._watcher = watcher

    def __enter__(self) -> Self:
        self._hub.join(self.feed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watcher.leave(self.feed)

    def _listen(self) -> None:
        while (raw := self.feed.next_to_send()) is not None:
            if codec.kind_of_encoded(raw) in _ANSWERS:
                answer = codec.decode_server_frame(raw)
                assert isinstance(answer, Answer)
                self.answers.append(answer)
