"""Reads a whole topic of the embedded broker from its beginning, so that tests can look at what was written.

`replies.end_of(turn_id)` waits for a turn's terminal frame; `records_of` waits until a topic holds enough records.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer

from producers.consumer_closing import close_consumer
from schemas import codec
from schemas.frames import AnyTurnFrame, ConversationChanged, Delta, Queued, Started, Switched
from schemas.headers import read_reply_headers
from schemas.ids import attempt_of
from schemas.topics import REPLIES

TERMINAL_KINDS = {"completed", "stopped", "failed"}


@dataclass
class Topic:
    """Every record of a topic so far, in the order of reading."""

    records: list[Any] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, condition: Callable[[], Any], seconds: float = 10) -> Any:
        """What `condition` gives once that is true. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self.changed:
            while not (found := condition()):
                await self.changed.wait()
            return found

    async def at_least(self, count: int, seconds: float = 10) -> list[Any]:
        return await self.until(lambda: len(self.records) >= count and list(self.records), seconds)

    async def read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            batches = await consumer.getmany(timeout_ms=100)
            async with self.changed:
                self.records += [record for batch in batches.values() for record in batch]
                self.changed.notify_all()


class Replies(Topic):
    """`chat.replies`, by turn."""

    def raw_frames(self, turn_id: str) -> list[bytes]:
        return [r.value for r in self.records if read_reply_headers(r.headers).turn_id == turn_id]

    def frames(self, turn_id: str) -> list[AnyTurnFrame]:
        """The numbered ones."""
        return [frame for frame in self._decoded(turn_id) if not isinstance(frame, Queued)]

    def queued(self, turn_id: str) -> list[Queued]:
        """What was told while it waited."""
        return [frame for frame in self._decoded(turn_id) if isinstance(frame, Queued)]

    def _decoded(self, turn_id: str) -> list[Any]:
        return [codec.decode_server_frame(raw) for raw in self.raw_frames(turn_id)]

    def ends(self, turn_id: str) -> list[bytes]:
        """The bytes of the turn's terminal frames."""
        mine = [r for r in self.records if read_reply_headers(r.headers).turn_id == turn_id]
        return [r.value for r in mine if read_reply_headers(r.headers).kind in TERMINAL_KINDS]

    def changes(self, conversation_id: str) -> list[ConversationChanged]:
        found = [codec.decode_server_frame(r.value) for r in self.records if _kind(r) == "conversation"]
        return [frame for frame in found if isinstance(frame, ConversationChanged) and frame.id == conversation_id]

    async def end_of(self, turn_id: str, count: int = 1, seconds: float = 10) -> list[AnyTurnFrame]:
        """All frames of the turn, once it ended (or its end was told `count` times)."""
        await self.until(lambda: len(self.ends(turn_id)) >= count, seconds)
        return self.frames(turn_id)

    async def frame_of(self, turn_id: str, kind: type[AnyTurnFrame]) -> Any:
        """The turn's first frame of a kind."""
        return await self.until(lambda: next((f for f in self.frames(turn_id) if isinstance(f, kind)), None))

    async def shown(self, turn_id: str, text: str) -> None:
        """Waits until the turn's answer reads `text`."""
        await self.until(lambda: answer_in(self.frames(turn_id)) == text)


def answer_in(frames: list[AnyTurnFrame]) -> str:
    """The text that a client shows after these frames, in order."""
    text = ""
    for frame in frames:
        if isinstance(frame, Started):
            text = ""
        elif isinstance(frame, Delta) and frame.kind is None:
            text += frame.text
        elif isinstance(frame, Switched):
            text = text[: frame.keep]
    return text


def attempt_frames(frames: list[AnyTurnFrame], attempt: int) -> list[AnyTurnFrame]:
    return [frame for frame in frames if attempt_of(frame.seq) == attempt]


@asynccontextmanager
async def reading_topic(bootstrap: str, name: str) -> AsyncIterator[Topic]:
    """A topic, read in the background while the context is open."""
    topic = Replies() if name == REPLIES.name else Topic()
    consumer = AIOKafkaConsumer(
        name, bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest", fetch_max_wait_ms=10
    )
    await consumer.start()
    reading = asyncio.create_task(topic.read(consumer))
    try:
        yield topic
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await close_consumer(consumer)


@asynccontextmanager
async def reading_replies(bootstrap: str) -> AsyncIterator[Replies]:
    async with reading_topic(bootstrap, REPLIES.name) as replies:
        assert isinstance(replies, Replies)
        yield replies


def _kind(record: Any) -> str:
    return read_reply_headers(record.headers).kind
