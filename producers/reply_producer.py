"""Frames on their way back: a finished frame, addressed by headers, goes to `chat.replies` under its user's key."""

import asyncio

from producers.kafka_writer import KafkaWriter, Record
from schemas import codec
from schemas.frames import ConversationChanged, ServerFrame
from schemas.headers import ReplyAddress, reply_headers
from schemas.ids import n_of
from schemas.topics import REPLIES

FIRST_DELTA = 1
"""Its place in an attempt; `started` is n = 0."""


class ReplyProducer:
    """Publishes frames in order. Nothing here waits for the broker; the returned future does."""

    def __init__(self, writer: KafkaWriter) -> None:
        self._writer = writer

    def publish(self, user_id: str, frame: ServerFrame) -> asyncio.Future[None]:
        """Publishes a frame of a turn or a `conversation` frame. Raises NotAttempted when the writer is full."""
        return self.publish_bytes(user_id, address_of(frame), codec.encode(frame))

    def publish_bytes(self, user_id: str, address: ReplyAddress, value: bytes) -> asyncio.Future[None]:
        """Publishes a frame that is encoded already, such as a stored terminal frame."""
        record = Record(REPLIES.name, user_id, value, reply_headers(address))
        return self._writer.submit(record, at_once=_begins_an_answer(address))


def _begins_an_answer(address: ReplyAddress) -> bool:
    """`started` and the first delta. Somebody looks at an empty answer until then; later frames may wait for company.

    Were `started` to wait, the edges' pause after it would fall on the first delta: 5 ms, measured.
    """
    return address.seq is not None and n_of(address.seq) <= FIRST_DELTA


def address_of(frame: ServerFrame) -> ReplyAddress:
    """The address that a frame itself carries."""
    if isinstance(frame, ConversationChanged):
        return ReplyAddress(codec.kind_of(frame), frame.id)
    conversation_id: str = getattr(frame, "conversation_id", "")
    return ReplyAddress(
        codec.kind_of(frame), conversation_id, getattr(frame, "turn_id", None), getattr(frame, "seq", None)
    )
