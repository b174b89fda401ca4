"""Step 2 of a message's life: the edge writes the accepted question to `chat.requests` (G1)."""

from producers.kafka_writer import KafkaWriter, Record
from schemas import codec
from schemas.headers import TRACEPARENT, Headers, request_headers
from schemas.requests import ChatRequest
from schemas.topics import REQUESTS, request_key


class RequestProducer:
    """Asks the workers. Returning from `ask` means that the broker has the record."""

    def __init__(self, writer: KafkaWriter, ack_seconds: float = 10.0) -> None:
        self._writer = writer
        self._ack_seconds = ack_seconds

    async def ask(self, request: ChatRequest, traceparent: str | None = None) -> None:
        """Raises NotAttempted (nothing happened) or OutcomeUnknown (it may have)."""
        await self.write(request_record(request, traceparent))

    async def write(self, record: Record) -> None:
        """Writes a ready record, as the embedded journal repeats it. Raises as `ask`."""
        await self._writer.write(record, self._ack_seconds)


def request_record(request: ChatRequest, traceparent: str | None) -> Record:
    """The record of a request: one conversation's requests share a partition."""
    headers: Headers = request_headers(request)
    if traceparent:
        headers.append((TRACEPARENT, traceparent.encode()))
    key = request_key(request.user_id, request.conversation_id)
    return Record(REQUESTS.name, key, codec.encode(request), headers)
