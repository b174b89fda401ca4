"""The records that the broker has not acknowledged yet, in the order in which they were given.

In: records. Out: for each a future that ends when the broker has it, or will never have it; and how much waits.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from producers.record import Record

RECORD_BYTES = 2_000
"""What a waiting record takes beside its value: its headers, future and place here, and the producer's (measured:
1.2 KB of the first). Counting only values, 32 MiB of small frames took 900 MB."""


@dataclass(slots=True)
class Entry:
    """One of them. `handed_over_at`: when a producer got it, 0 if none has it.

    `is_suspect`: it was in a batch that the broker refused, and goes alone next time.
    """

    number: int
    record: Record
    acknowledged: asyncio.Future[None]
    handed_over_at: float = 0.0
    is_suspect: bool = False


class Unacknowledged:
    """Iterates over its entries, oldest first."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._count = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def add(self, record: Record) -> Entry:
        self._count += 1
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        acknowledged.add_done_callback(consume)
        entry = self._entries[self._count] = Entry(self._count, record, acknowledged)
        self.bytes += memory_bytes(record)
        return entry

    def settle(self, entry: Entry, error: Exception | None = None) -> None:
        """The broker has it, or (`error`) it is given up. Whoever settles first is right."""
        if self._entries.pop(entry.number, None) is None:
            return
        self.bytes -= memory_bytes(entry.record)
        if entry.acknowledged.done():
            return
        if error is None:
            entry.acknowledged.set_result(None)
        else:
            entry.acknowledged.set_exception(error)

    def oldest_handed_over_at(self) -> float | None:
        """Since when a producer has had the oldest of those that it has."""
        return next((entry.handed_over_at for entry in self._entries.values() if entry.handed_over_at), None)


def memory_bytes(record: Record) -> int:
    return RECORD_BYTES + len(record.value)


def consume(future: asyncio.Future[None]) -> None:
    """Marks a failure as seen, for callers that publish and go on."""
    if not future.cancelled():
        future.exception()
