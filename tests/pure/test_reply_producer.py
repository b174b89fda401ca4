"""Which frames leave at once, and which may wait for company on their way to the broker."""

import asyncio
from typing import cast

import pytest

from producers.kafka_writer import KafkaWriter, Record
from producers.reply_producer import ReplyProducer
from schemas.headers import ReplyAddress
from schemas.ids import seq_of


class WriterThatNotes:
    """Takes records and notes which ones leave at once."""

    def __init__(self) -> None:
        self.at_once: list[bool] = []

    def submit(self, _record: Record, at_once: bool = False) -> asyncio.Future[None]:
        self.at_once.append(at_once)
        return cast("asyncio.Future[None]", None)


@pytest.mark.parametrize(
    ("kind", "seq", "leaves_at_once"),
    [
        ("started", seq_of(1, 0), True),
        ("delta", seq_of(1, 1), True),
        ("delta", seq_of(1, 2), False),
        ("started", seq_of(2, 0), True),
        ("delta", seq_of(2, 7), False),
        ("completed", seq_of(1, 3), False),
        ("conversation", None, False),
    ],
)
def test_what_begins_an_answer_leaves_at_once(kind: str, seq: int | None, leaves_at_once: bool) -> None:
    writer = WriterThatNotes()

    ReplyProducer(cast(KafkaWriter, writer)).publish_bytes("user", ReplyAddress(kind, "conversation", "turn", seq), b"")

    assert writer.at_once == [leaves_at_once]
