"""Concurrent across conversations, in order within one: lanes by key. Pure; generic over the job.

Put jobs in with `add`, start what `startable` gives, and say `done` when one ends. A running job that must wait for
something is `parked`: its lane stays in order behind it, and its place is another lane's until it may go on.
"""

from collections import deque
from typing import Generic, TypeVar

J = TypeVar("J")


class Lanes(Generic[J]):
    """Jobs wait behind earlier jobs of their key; at most `max_running` run, and any number is parked."""

    def __init__(self, max_running: int) -> None:
        self._max_running = max_running
        self._waiting: dict[str, deque[J]] = {}
        self._ready: deque[str] = deque()
        self._running: set[str] = set()
        self._parked: set[str] = set()
        self._returning: deque[str] = deque()
        self._count = 0

    def add(self, key: str, job: J) -> None:
        """Puts a job at the end of its key's lane."""
        lane = self._waiting.setdefault(key, deque())
        if not lane and key not in self._running and key not in self._parked:
            self._ready.append(key)
        lane.append(job)
        self._count += 1

    def startable(self) -> list[tuple[str, J]]:
        """The jobs to start now, each with its key; they count as running from here on."""
        started: list[tuple[str, J]] = []
        while self._ready and self._has_room:
            key = self._ready.popleft()
            started.append((key, self._waiting[key].popleft()))
            self._running.add(key)
            self._count -= 1
        return started

    def park(self, key: str) -> None:
        """The key's running job waits: it does not count, and nothing behind it starts."""
        self._running.discard(key)
        self._parked.add(key)

    def unpark(self, key: str) -> None:
        """The key's parked job could go on: `resumable` gives it before any that has not started."""
        self._returning.append(key)

    def resumable(self) -> list[str]:
        """The keys whose parked job goes on now; they count as running from here on."""
        resumed: list[str] = []
        while self._returning and self._has_room:
            key = self._returning.popleft()
            self._parked.discard(key)
            self._running.add(key)
            resumed.append(key)
        return resumed

    def done(self, key: str) -> None:
        """The key's job ended, running or parked; its next one may start."""
        self._running.discard(key)
        self._parked.discard(key)
        if key in self._returning:
            self._returning.remove(key)
        if self._waiting.get(key):
            self._ready.append(key)
        else:
            self._waiting.pop(key, None)

    def waiting_for(self, key: str) -> list[J]:
        """The jobs of a key that have not started."""
        return list(self._waiting.get(key, ()))

    @property
    def waiting_count(self) -> int:
        """Jobs that have not started, and those that are parked."""
        return self._count + len(self._parked)

    @property
    def _has_room(self) -> bool:
        return len(self._running) < self._max_running

    @property
    def running_count(self) -> int:
        return len(self._running)
