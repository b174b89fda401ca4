"""Concurrent across conversations, in order within one: lanes by key. Fair between shares. Pure; generic over the job.

Put jobs in with `add`, start what `startable` gives, and say `done` when one ends. A running job that must wait for
something is `parked`: its lane stays in order behind it, and its place is another lane's until it may go on.

Every job belongs to a share (a user's jobs for one model). Shares start jobs in turn, and a share that has
`max_per_share` open starts no more: the others always find room, however many lanes it has.
"""

from collections import Counter, deque
from typing import Generic, NamedTuple, TypeVar

from consumers.round_robin import RoundRobin

J = TypeVar("J")


class _Waiting(NamedTuple, Generic[J]):
    share: str
    job: J


class Lanes(Generic[J]):
    """Jobs wait behind earlier jobs of their key; at most `max_running` run, and any number is parked."""

    def __init__(self, max_running: int, max_per_share: int | None = None) -> None:
        self._max_running = max_running
        self._max_per_share = max_per_share or max_running
        self._waiting: dict[str, deque[_Waiting[J]]] = {}
        self._ready: RoundRobin[str] = RoundRobin()
        self._share_of: dict[str, str] = {}
        self._open_by_share: Counter[str] = Counter()
        self._running: set[str] = set()
        self._parked: set[str] = set()
        self._returning: deque[str] = deque()
        self._count = 0

    def add(self, key: str, job: J, share: str = "") -> None:
        """Puts a job at the end of its key's lane."""
        lane = self._waiting.setdefault(key, deque())
        if not lane and key not in self._running and key not in self._parked:
            self._ready.add(share, key)
        lane.append(_Waiting(share, job))
        self._count += 1

    def startable(self) -> list[tuple[str, J]]:
        """The jobs to start now, each with its key; they count as running from here on."""
        started: list[tuple[str, J]] = []
        while self._has_room and (ready := self._ready.pop(self._has_room_for)):
            share, key = ready
            started.append((key, self._waiting[key].popleft().job))
            self._running.add(key)
            self._open(key, share)
            self._count -= 1
        return started

    def park(self, key: str, is_open: bool = False) -> None:
        """The key's running job waits: it takes no place, and nothing behind it starts.

        `is_open`: it counts for its share all the same, so that one share can't park any number of jobs.
        """
        self._running.discard(key)
        self._parked.add(key)
        if not is_open:
            self._close(key)

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
        self._close(key)
        if key in self._returning:
            self._returning.remove(key)
        if lane := self._waiting.get(key):
            self._ready.add(lane[0].share, key)
        else:
            self._waiting.pop(key, None)

    def waiting_for(self, key: str) -> list[J]:
        """The jobs of a key that have not started."""
        return [waiting.job for waiting in self._waiting.get(key, ())]

    @property
    def waiting_count(self) -> int:
        """Jobs that have not started, and those that are parked."""
        return self._count + len(self._parked)

    def _open(self, key: str, share: str) -> None:
        self._share_of[key] = share
        self._open_by_share[share] += 1

    def _close(self, key: str) -> None:
        share = self._share_of.pop(key, None)
        if share is not None:
            self._open_by_share[share] -= 1
            if not self._open_by_share[share]:
                del self._open_by_share[share]

    def _has_room_for(self, share: str) -> bool:
        return self._open_by_share[share] < self._max_per_share

    @property
    def _has_room(self) -> bool:
        return len(self._running) < self._max_running

    @property
    def running_count(self) -> int:
        return len(self._running)
