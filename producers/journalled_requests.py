"""The embedded broker forgets on exit, so each request is journalled before it is produced (DESIGN 8).

An entry is to the embedded broker what an uncommitted offset is to Kafka: it stays until its turn has ended, with all
that follows from the end, and what is left at the next start is produced again.
"""

from collections.abc import Sequence
from typing import Protocol

from producers.errors import NotAttempted, RecordRefused
from producers.kafka_writer import Record
from producers.request_producer import RequestProducer, request_record
from schemas.headers import Headers
from schemas.requests import ChatRequest
from schemas.topics import REQUESTS

# The embedded broker keeps 5 MiB of a partition; what is not settled must always fit, or it could be forgotten.
MAX_UNSETTLED_BYTES = 3 * 1024 * 1024


class JournalledRequest(Protocol):
    """A request as the journal gives it back."""

    @property
    def turn_id(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def value(self) -> bytes: ...
    @property
    def headers(self) -> list[tuple[str, bytes]]: ...


class Journal(Protocol):
    """Requests that must survive this process. `record` gives False for a turn that it has already."""

    async def record(self, turn_id: str, key: str, value: bytes, headers: Headers) -> bool: ...
    async def unsettled(self) -> Sequence[JournalledRequest]: ...
    async def settle(self, turn_id: str) -> None: ...


class JournalledRequests:
    """Like RequestProducer, but what it accepted is there after a kill of the whole process."""

    def __init__(self, producer: RequestProducer, journal: Journal) -> None:
        self._producer = producer
        self._journal = journal
        self._sizes: dict[str, int] = {}
        self._bytes = 0

    async def ask(self, request: ChatRequest, traceparent: str | None = None) -> None:
        """Raises NotAttempted (nothing happened), RecordRefused (likewise) or OutcomeUnknown (it may have)."""
        record = request_record(request, traceparent)
        is_new = await self._keep(request.turn_id, record)
        try:
            await self._producer.write(record)
        except (NotAttempted, RecordRefused):
            if is_new:
                await self.settle(request.turn_id)
            raise

    async def settle(self, turn_id: str) -> None:
        """The turn has ended, and all that follows from its end is written."""
        await self._journal.settle(turn_id)
        self._bytes -= self._sizes.pop(turn_id, 0)

    async def ask_again(self) -> int:
        """Produces every request that an earlier process left unsettled; how many."""
        entries = await self._journal.unsettled()
        for entry in entries:
            record = Record(REQUESTS.name, entry.key, entry.value, entry.headers)
            self._count(entry.turn_id, record)
            await self._producer.write(record)
        return len(entries)

    async def _keep(self, turn_id: str, record: Record) -> bool:
        if self._bytes + _size_of(record) > MAX_UNSETTLED_BYTES:
            raise NotAttempted("the embedded journal is full of turns without an end")
        self._count(turn_id, record)
        return await self._journal.record(turn_id, record.key, record.value, record.headers)

    def _count(self, turn_id: str, record: Record) -> None:
        if turn_id not in self._sizes:
            self._sizes[turn_id] = _size_of(record)
            self._bytes += self._sizes[turn_id]


def _size_of(record: Record) -> int:
    return len(record.key) + len(record.value) + sum(len(name) + len(value) for name, value in record.headers)
