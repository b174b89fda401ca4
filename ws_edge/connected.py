"""Everybody who is connected to this edge for longer than a request: sessions on websockets, and event streams.

In: each of them as it begins. Out: who has to be told when the edge drains, and when the last one has gone.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from ws_edge.draining import Drainable


class Connected:
    """The open ones. `empty` is set while there is none."""

    def __init__(self) -> None:
        self.sessions: set[Drainable] = set()
        self.empty = asyncio.Event()
        self.empty.set()

    @contextmanager
    def during(self, session: Drainable) -> Iterator[None]:
        """It is connected while the block runs."""
        self.sessions.add(session)
        self.empty.clear()
        try:
            yield
        finally:
            self.sessions.discard(session)
            if not self.sessions:
                self.empty.set()
