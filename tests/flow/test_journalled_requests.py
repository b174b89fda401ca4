"""What was accepted outlives the embedded process, and what was rejected does not (G1, G2)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from consumers.claimer import Claimer, ClaimerSettings
from consumers.claiming import Take
from consumers.endings import finished_row
from consumers.outcomes import Completed
from consumers.slot import EndlessSlots
from producers.errors import NotAttempted, OutcomeUnknown
from producers.journalled_requests import MAX_UNSETTLED_BYTES, JournalledRequests
from producers.kafka_writer import Record
from schemas.parts import Usage
from store.rows import Checkpoint
from store.sqlite.opening import SqliteStore, open_store
from tests.flow.scripted_door import ScriptedDoor
from tests.flow.worker_stage import a_request, running_stage


class Producer:
    """Keeps what is written, or fails as told."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.written: list[Record] = []
        self.failure = failure

    async def write(self, record: Record) -> None:
        if self.failure is not None:
            raise self.failure
        self.written.append(record)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with open_store(tmp_path / "samvad.db") as opened:
        yield opened


def requests_to(producer: Producer, store: SqliteStore) -> JournalledRequests:
    return JournalledRequests(producer, store.journal)  # type: ignore[arg-type]


async def test_what_is_not_settled_is_produced_again_in_order_and_then_no_more(store: SqliteStore) -> None:
    first, second, third = a_request("1"), a_request("2"), a_request("3")
    before = requests_to(Producer(), store)
    for request in (first, second, third):
        await before.ask(request)
    await before.settle(second.turn_id)
    producer = Producer()
    assert await requests_to(producer, store).ask_again() == 2
    assert [dict(record.headers)["turn"].decode() for record in producer.written] == [first.turn_id, third.turn_id]


async def test_a_turn_whose_end_was_stored_and_nothing_else_is_asked_again(store: SqliteStore) -> None:
    """A kill between the end's compare-and-set and what follows from it: only a redelivery writes its messages."""
    request = a_request("hello")
    await requests_to(Producer(), store).ask(request)
    claimer = Claimer(ClaimerSettings("worker", 600), store.turns, None, lambda _: False)  # type: ignore[arg-type]
    claimed = await claimer.claim(request, EndlessSlots().lent)
    assert isinstance(claimed, Take)
    said = Checkpoint(1, 1_000_001, "Hi.", "fast")
    ended = finished_row(claimed.row, Completed("stop", None), said, {1: Usage(1, 1, True)}, 1_000)
    await store.turns.compare_and_set(ended, claimed.row.version)
    assert await requests_to(Producer(), store).ask_again() == 1


async def test_what_was_rejected_is_not_asked_at_the_next_start(store: SqliteStore) -> None:
    with pytest.raises(NotAttempted):
        await requests_to(Producer(NotAttempted("full")), store).ask(a_request("hello"))
    assert await requests_to(Producer(), store).ask_again() == 0


async def test_what_may_have_been_accepted_is_asked_at_the_next_start(store: SqliteStore) -> None:
    with pytest.raises(OutcomeUnknown):
        await requests_to(Producer(OutcomeUnknown("late")), store).ask(a_request("hello"))
    assert await requests_to(Producer(), store).ask_again() == 1


async def test_a_full_journal_refuses_until_something_is_settled(store: SqliteStore) -> None:
    requests = requests_to(Producer(), store)
    big = [a_request("x" * (MAX_UNSETTLED_BYTES // 2 - 2_000)) for _ in range(3)]
    await requests.ask(big[0])
    await requests.ask(big[1])
    with pytest.raises(NotAttempted):
        await requests.ask(big[2])
    await requests.settle(big[0].turn_id)
    await requests.ask(big[2])


async def test_the_worker_settles_a_turn_when_its_messages_are_written(tmp_path: Path) -> None:
    settled: list[tuple[str, int]] = []
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello"]})) as stage:
        request = a_request()

        async def settle(turn_id: str) -> None:
            settled.append((turn_id, len(await stage.messages(request))))

        stage.worker._dispatcher._settle = settle
        await stage.ask_again(request)
        await stage.until_committed(1)
    assert settled == [(request.turn_id, 2)]
