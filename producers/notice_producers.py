"""The small topics: control notices, usage records and dead letters."""

from producers.kafka_writer import KafkaWriter, Record
from schemas import codec
from schemas.control import AnyNotice, StopAsked, TurnTaken
from schemas.dead_letters import letter_headers
from schemas.headers import Headers
from schemas.topics import CONTROL, DEAD_LETTERS, USAGE
from schemas.usage import UsageRecord


class ControlProducer:
    """Tells every worker. A notice only speeds things up; the truth is in the turn's row."""

    def __init__(self, writer: KafkaWriter, ack_seconds: float = 5.0) -> None:
        self._writer = writer
        self._ack_seconds = ack_seconds

    async def notify(self, notice: AnyNotice) -> None:
        """Raises NotAttempted or OutcomeUnknown."""
        key = notice.turn_id if isinstance(notice, StopAsked | TurnTaken) else notice.conversation_id
        await self._writer.write(Record(CONTROL.name, key, codec.encode(notice), []), self._ack_seconds)


class UsageProducer:
    """One bill for each (turn, attempt); the writer repeats until the broker has it (G5)."""

    def __init__(self, writer: KafkaWriter) -> None:
        self._writer = writer

    async def bill(self, usage: UsageRecord) -> None:
        """Returns when the broker has the record. Raises NotAttempted when the writer is full."""
        await self._writer.submit(Record(USAGE.name, usage.user_id, codec.encode(usage), []))


class DeadLetterProducer:
    """Sets aside what can't be read, byte for byte, with the reason (K20)."""

    def __init__(self, writer: KafkaWriter) -> None:
        self._writer = writer

    async def set_aside(self, source: str, key: bytes | None, value: bytes, headers: Headers, reason: str) -> None:
        """`source` is topic, partition and offset, such as `chat.requests/3/77`."""
        text_key = (key or b"").decode(errors="replace")
        marked = letter_headers(headers, source, key, reason)
        await self._writer.submit(Record(DEAD_LETTERS.name, text_key, value, marked))
