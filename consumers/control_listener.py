"""What other processes tell every worker on `chat.control`: stops, takeovers, deleted and renamed conversations.

Stops and takeovers are only told sooner here: the truth is in the turn's row. A deletion is told before it is made and
after it. What remains: a question that overtakes the second notice, with an edge that dies in between, may warm the
conversation again, which then answers once more (nobody is shown it later: the deletion stays).
"""

import asyncio

import structlog
from aiokafka import AIOKafkaConsumer

from consumers.history import History
from consumers.running_turns import RunningTurns
from producers.consumer_closing import close_consumer
from producers.consumer_starting import start_consumer
from producers.kafka_address import KafkaAddress
from schemas import codec
from schemas.control import (
    AnyNotice,
    ConversationDropped,
    ConversationLeaving,
    ConversationRenamed,
    StopAsked,
    TurnTaken,
)
from schemas.topics import CONTROL

log = structlog.get_logger(__name__)

POLL_MS = 200


class ControlListener:
    """Reads all partitions of the topic, without a group, from its end at the start: nothing runs here before that."""

    def __init__(self, kafka: KafkaAddress, fetch_wait_ms: int, running: RunningTurns, history: History) -> None:
        self._consumer = AIOKafkaConsumer(
            CONTROL.name,
            **kafka.options(),
            group_id=None,
            enable_auto_commit=False,
            fetch_max_wait_ms=fetch_wait_ms,
        )
        self._running = running
        self._history = history

    async def start(self) -> None:
        """Ready to hear every notice from now on."""
        await start_consumer(self._consumer)
        await self._consumer.seek_to_end()

    async def run(self, stop: asyncio.Event) -> None:
        """Reads until `stop` is set; `getmany` is never cancelled (K6)."""
        while not stop.is_set():
            for records in (await self._consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    self._hear(record.value or b"")

    async def close(self) -> None:
        await close_consumer(self._consumer)

    def _hear(self, value: bytes) -> None:
        try:
            self.act_on(codec.decode_notice(value))
        except codec.Unreadable:
            log.warning("notice_unreadable")

    def act_on(self, notice: AnyNotice) -> None:
        """What a notice means for what runs and what is remembered here."""
        match notice:
            case StopAsked(turn_id=turn_id):
                self._running.stop(turn_id)
            case TurnTaken(turn_id=turn_id, attempt=attempt):
                self._running.taken(turn_id, attempt)
            case ConversationLeaving(user_id=user_id, conversation_id=conversation_id):
                self._history.forget(user_id, conversation_id)
            case ConversationDropped(user_id=user_id, conversation_id=conversation_id):
                self._history.forget(user_id, conversation_id)
                self._running.stop_conversation(user_id, conversation_id, dropped=True)
            case ConversationRenamed(user_id=user_id, conversation_id=conversation_id, title=title):
                self._history.rename(user_id, conversation_id, title)
