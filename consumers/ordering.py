"""Concurrent across conversations, in order within one: lanes by key. Pure; generic over the job.

Put jobs in with `add`, start what `startable` gives, and say `done` when one ends.
"""

from collections import deque
from typing import Generic, TypeVar

J = TypeVar("J")


class Lanes(Generic[J]):
    """Jobs wait behind earlier jobs of their key; at most `max_running` run."""

    def __init__(self, max_running: int) -> None:
        self._max_running = max_running
        self._waiting: dict[str, deque[J]] = {}
        self._ready: deque[str] = deque()
        self._running: set[str] = set()
        self._count = 0

    def add(self, key: str, job: J) -> None:
        """Puts a job at the end of its key's lane."""
        lane = self._waiting.setdefault(key, deque())
        if not lane and key not in self._running:
            self._ready.append(key)
        lane.append(job)
        self._count += 1

    def startable(self) -> list[tuple[str, J]]:
        """The jobs to start now, each with its key; they count as running from here on."""
        started: list[tuple[str, J]] = []
        while self._ready and len(self._running) < self._max_running:
            key = self._ready.popleft()
            started.append((key, self._waiting[key].popleft()))
            self._running.add(key)
            self._count -= 1
        return started

    def done(self, key: str) -> None:
        """The key's running job ended; its next one may start."""
        self._running.discard(key)
        if self._waiting.get(key):
            self._ready.append(key)
        else:
            self._waiting.pop(key, None)

    def waiting_for(self, key: str) -> list[J]:
        """The jobs of a key that have not started."""
        return list(self._waiting.get(key, ()))

    @property
    def waiting_count(self) -> int:
        return self._count

    @property
    def running_count(self) -> int:
        return len(self._running)
