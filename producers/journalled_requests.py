"""The embedded broker forgets on exit, so each request is journalled before it is produced (DESIGN 8)."""

from collections.abc import Sequence
from typing import Protocol

from producers.errors import NotAttempted
from producers.kafka_writer import Record
from producers.request_producer import RequestProducer, request_record
from schemas.headers import Headers
from schemas.requests import ChatRequest
from schemas.topics import REQUESTS

# The embedded broker keeps 5 MiB of a partition; what has no end yet must always fit, or it could be forgotten.
MAX_UNENDED_BYTES = 3 * 1024 * 1024


class JournalledRequest(Protocol):
    """A request as the journal gives it back."""

    @property
    def key(self) -> str: ...
    @property
    def value(self) -> bytes: ...
    @property
    def headers(self) -> list[tuple[str, bytes]]: ...


class Journal(Protocol):
    """Requests that must survive this process."""

    async def record(self, turn_id: str, key: str, value: bytes, headers: Headers) -> None: ...
    async def unended(self) -> Sequence[JournalledRequest]: ...
    async def unended_bytes(self) -> int: ...
    async def prune(self) -> object: ...


class JournalledRequests:
    """Like RequestProducer, but what it accepted is there after a kill of the whole process."""

    def __init__(self, producer: RequestProducer, journal: Journal) -> None:
        self._producer = producer
        self._journal = journal
        self._at_most_bytes = MAX_UNENDED_BYTES  # counted at the first ask

    async def ask(self, request: ChatRequest, traceparent: str | None = None) -> None:
        """Raises NotAttempted (nothing happened) or OutcomeUnknown (it may have)."""
        record = request_record(request, traceparent)
        await self._make_room(len(record.value))
        await self._journal.record(request.turn_id, record.key, record.value, record.headers)
        await self._producer.write(record)

    async def _make_room(self, size: int) -> None:
        """Turns end without our being told, so the sum is an upper bound; counting again costs milliseconds."""
        if self._at_most_bytes + size > MAX_UNENDED_BYTES:
            await self._journal.prune()
            self._at_most_bytes = await self._journal.unended_bytes()
        if self._at_most_bytes + size > MAX_UNENDED_BYTES:
            raise NotAttempted("the embedded journal is full of turns without an end")
        self._at_most_bytes += size

    async def ask_again(self) -> int:
        """Produces every journalled request that has no end yet; how many."""
        entries = await self._journal.unended()
        for entry in entries:
            await self._producer.write(Record(REQUESTS.name, entry.key, entry.value, entry.headers))
        return len(entries)
