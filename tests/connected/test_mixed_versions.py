"""Workers of version N and N+1 in one group: what only the newer one reads, it takes as soon as the older one left."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from consumers import request_listener, request_progress, worker
from consumers.request_listener import ListenerSettings
from consumers.settings import WorkerSettings
from consumers.worker import Worker, WorkerParts, running_worker
from infra.topics.making import TopicOptions, make_topics
from observability.tracing import untraced
from producers import request_producer
from producers.connected_producer import WriterSettings
from producers.kafka_address import KafkaAddress
from producers.kafka_writer import KafkaWriter
from producers.request_producer import RequestProducer
from schemas.ids import new_id
from schemas.requests import AskAgain, ChatRequest
from schemas.topics import REQUESTS
from store.sqlite.opening import SqliteStore, open_store
from tests.connected.running_stack import RunningStack
from tests.contracts.deadlines import eventually
from tests.flow.scripted_door import ScriptedDoor
from tests.flow.worker_stage import a_request

pytestmark = pytest.mark.connected

PARTITIONS = 6
CONVERSATIONS = 12


class Mixed:
    """A topic, a group and a store of the test's own; workers that read requests up to some version."""

    def __init__(self, kafka: KafkaAddress, store: SqliteStore, writer: KafkaWriter, group: str) -> None:
        self.kafka, self.store, self.writer, self.group = kafka, store, writer, group

    def parts(self, says: str) -> WorkerParts:
        return WorkerParts(
            worker_id=new_id(),
            kafka=self.kafka,
            fetch_wait_ms=50,
            store=self.store,
            frames=self.writer,
            records=self.writer,
            door=ScriptedDoor({"fast": [says]}),
            tracing=untraced(),
        )

    async def ask(self, requests: Sequence[ChatRequest]) -> None:
        for request in requests:
            await RequestProducer(self.writer).ask(request)

    async def answers(self, requests: Sequence[ChatRequest]) -> set[str | None]:
        """What their turns ended with; None for one without an end."""
        rows = [await self.store.turns.load(request.turn_id) for request in requests]
        return {row.finish.text if row and row.finish else None for row in rows}


async def test_an_older_worker_leaves_what_it_can_not_read_to_a_newer_one(
    stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = replace(REQUESTS, name=f"requests-{new_id()}", partitions=PARTITIONS)
    kafka = stack.addresses.kafka_address()
    assert await make_topics(kafka, TopicOptions(manifest=(topic,)), print)
    for module in (request_listener, request_progress, request_producer):
        monkeypatch.setattr(module, "REQUESTS", topic)
    async with AsyncExitStack() as running:
        store = await running.enter_async_context(open_store(tmp_path / "samvad.db"))
        writer = await running.enter_async_context(KafkaWriter(WriterSettings(kafka, "test")))
        mixed = Mixed(kafka, store, writer, group=topic.name)
        old = await a_worker(mixed, running, monkeypatch, newest_version=1)
        new = await a_worker(mixed, running, monkeypatch, newest_version=2)
        await eventually(lambda: share_the_topic(old, new), seconds=30)
        questions = [a_request() for _ in range(CONVERSATIONS)]
        await mixed.ask(questions)
        await eventually(lambda: says(mixed, questions, {"by version 1", "by version 2"}), seconds=20)
        repeated = [once_more(question) for question in questions]
        later = [a_request(conversation_id=question.conversation_id) for question in questions]
        await mixed.ask([*repeated, *later])
        await eventually(lambda: says(mixed, [*repeated, *later], {"by version 2"}), seconds=30)
        assert (old.is_ready, new.is_ready) == (False, True)


async def a_worker(
    mixed: Mixed, running: AsyncExitStack, monkeypatch: pytest.MonkeyPatch, newest_version: int
) -> Worker:
    with monkeypatch.context() as patched:
        settings = partial(ListenerSettings, group=mixed.group, newest_version=newest_version)
        patched.setattr(worker, "ListenerSettings", settings)
        parts = mixed.parts(f"by version {newest_version}")
        return await running.enter_async_context(running_worker(parts, WorkerSettings(drain_seconds=1)))


def once_more(question: ChatRequest) -> AskAgain:
    """A request of version 2."""
    asked = a_request(question.text, conversation_id=question.conversation_id)
    return AskAgain(
        user_id=asked.user_id,
        conversation_id=asked.conversation_id,
        turn_id=asked.turn_id,
        request_id=asked.request_id,
        text=asked.text,
        model=asked.model,
        accepted_at=asked.accepted_at,
        question_id=new_id(),
    )


async def share_the_topic(old: Worker, new: Worker) -> bool:
    shares = [each._requests.assigned_partitions for each in (old, new)]
    return sum(shares) == PARTITIONS and all(shares)


async def says(mixed: Mixed, requests: Sequence[ChatRequest], texts: set[str]) -> bool:
    return await mixed.answers(requests) == texts
