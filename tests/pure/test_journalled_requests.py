"""The embedded broker forgets, the journal does not: what was accepted is asked again after a kill (DESIGN 8)."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from producers.errors import NotAttempted, OutcomeUnknown, RecordRefused
from producers.journalled_requests import MAX_UNSETTLED_BYTES, JournalledRequests
from producers.kafka_writer import Record
from producers.request_producer import RequestProducer, request_record
from schemas.requests import Ask

ASK = Ask(user_id="u", conversation_id="c", turn_id="t", request_id="r", text="Why?", model="fast", accepted_at="now")


class Writer:
    """Notes what was written; fails as told."""

    def __init__(self, happened: list[Any]) -> None:
        self.happened = happened
        self.fails_with: Exception | None = None

    async def write(self, record: Record, within_seconds: float) -> None:
        if self.fails_with:
            raise self.fails_with
        self.happened.append(record)


@dataclass
class Entry:
    """A journalled request."""

    turn_id: str
    key: str
    value: bytes
    headers: list[tuple[str, bytes]]


class Journal:
    """A journal in memory."""

    def __init__(self, happened: list[Any]) -> None:
        self.happened = happened
        self.entries: dict[str, Entry] = {}

    async def record(self, turn_id: str, key: str, value: bytes, headers: list[tuple[str, bytes]]) -> bool:
        self.happened.append(f"journalled {turn_id}")
        is_new = turn_id not in self.entries
        self.entries.setdefault(turn_id, Entry(turn_id, key, value, headers))
        return is_new

    async def unsettled(self) -> list[Entry]:
        return list(self.entries.values())

    async def settle(self, turn_id: str) -> None:
        self.entries.pop(turn_id, None)


@pytest.fixture
def happened() -> list[Any]:
    return []


@pytest.fixture
def journal(happened: list[Any]) -> Journal:
    return Journal(happened)


@pytest.fixture
def writer(happened: list[Any]) -> Writer:
    return Writer(happened)


@pytest.fixture
def requests(writer: Writer, journal: Journal) -> JournalledRequests:
    return JournalledRequests(RequestProducer(writer), journal)  # type: ignore[arg-type]


async def test_a_request_is_journalled_before_it_is_produced(requests: JournalledRequests, happened: list[Any]) -> None:
    await requests.ask(ASK, "00-parent-01")
    assert happened == ["journalled t", request_record(ASK, "00-parent-01")]


async def test_what_has_no_end_is_produced_again_as_it_was(requests: JournalledRequests, happened: list[Any]) -> None:
    await requests.ask(ASK, "00-parent-01")
    assert await requests.ask_again() == 1
    assert happened[-1] == happened[1]


async def test_a_request_whose_outcome_is_unknown_stays_journalled(
    requests: JournalledRequests, writer: Writer, journal: Journal
) -> None:
    writer.fails_with = OutcomeUnknown("no acknowledgement")
    with pytest.raises(OutcomeUnknown):
        await requests.ask(ASK)
    assert "t" in journal.entries


@pytest.mark.parametrize("refusal", [NotAttempted("full"), RecordRefused("too large")])
async def test_a_request_that_was_refused_leaves_nothing_behind(
    requests: JournalledRequests, writer: Writer, journal: Journal, refusal: Exception
) -> None:
    writer.fails_with = refusal
    with pytest.raises(type(refusal)):
        await requests.ask(ASK)
    assert journal.entries == {}


async def test_a_repeated_request_that_is_refused_leaves_the_first_one_journalled(
    requests: JournalledRequests, writer: Writer, journal: Journal
) -> None:
    await requests.ask(ASK)
    writer.fails_with = NotAttempted("full")
    with pytest.raises(NotAttempted):
        await requests.ask(ASK)
    assert "t" in journal.entries


async def test_more_than_the_broker_keeps_is_not_attempted_until_turns_end(
    requests: JournalledRequests, journal: Journal
) -> None:
    big = [msgspec.structs.replace(ASK, turn_id=f"t{n}", text="x" * 200_000) for n in range(16)]
    for ask in big[:15]:
        await requests.ask(ask)
    with pytest.raises(NotAttempted):
        await requests.ask(big[15])
    assert "t15" not in journal.entries
    await requests.settle("t0")
    await requests.ask(big[15])


async def test_what_an_earlier_process_left_counts_too(requests: JournalledRequests, journal: Journal) -> None:
    journal.entries["old"] = Entry("old", "k", b"x" * (MAX_UNSETTLED_BYTES - 100), [])
    await requests.ask_again()
    with pytest.raises(NotAttempted):
        await requests.ask(ASK)
    await requests.settle("old")
    await requests.ask(ASK)
