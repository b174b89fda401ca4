"""What a conversation costs does not depend on its length, nor on what was deleted beside it (D1, D2)."""

import asyncio
import re
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from consumers.context import build_context
from consumers.history import History
from consumers.tails import Tails
from schemas.ids import new_id
from store.cassandra.address import CassandraAddress
from store.cassandra.buckets import AHEAD_MS, MAX_MESSAGES
from store.cassandra.cluster import connect_to, new_cluster
from store.cassandra.messages import BUCKETS, COUNT
from store.cassandra.open_turns import NOTED
from store.cassandra.opening import CassandraStore, Circumstances, open_cassandra_store
from store.rows import MessageRow
from tests.contracts.rows import a_finish, a_turn, message_id

pytestmark = [pytest.mark.connected, pytest.mark.timeout(120)]

LONG, SHORT, DELETED = 5000, 50, 200
RUNS = 40
MEASUREMENTS = 3
"""A busy machine spoils one; what really costs more fails all of them."""
MINUTES_BETWEEN_TURNS = 5
TURN_MS = MINUTES_BETWEEN_TURNS * 60_000
BUDGET_TOKENS = 1500
TEXT = "Some words of an answer, as long as people and models write them. " * 4
Key = tuple[str, str]


@dataclass
class Clock:
    """The time that the store is told."""

    now_ms: int

    def __call__(self) -> int:
        return self.now_ms


class Store:
    """A store with a clock of its own, in which the newest bucket is counted after every tenth append."""

    def __init__(self) -> None:
        self.clock = Clock(1_780_000_000_000)
        self.appends = 0
        self.opened: CassandraStore

    def is_time_to_count(self) -> bool:
        self.appends += 1
        return self.appends % 10 == 0

    async def converse(self, messages: int) -> Key:
        """A new conversation of so many messages, each turn five minutes after the one before; it ends now."""
        key, parent_id, end_ms = (new_id(), new_id()), None, self.clock.now_ms
        self.clock.now_ms -= messages // 2 * TURN_MS
        for _ in range(messages // 2):
            self.clock.now_ms += TURN_MS
            parent_id = await self._turn(key, parent_id)
        assert self.clock.now_ms == end_ms
        await self.opened.conversations.touch(*key, leaf=str(parent_id), updated_at_ms=end_ms, title_if_none="Long")
        return key

    async def _turn(self, key: Key, parent_id: str | None) -> str:
        now_ms = self.clock.now_ms
        question = _row(now_ms - 2, "user", parent_id)
        answer = _row(now_ms - 1, "assistant", question.message_id)
        await self.opened.messages.append(*key, [question, answer], now_ms)
        return answer.message_id


def _row(moment_ms: int, role: str, parent_id: str | None) -> MessageRow:
    return MessageRow(
        message_id=message_id(moment_ms), role=role, text=TEXT, created_at_ms=moment_ms, parent_id=parent_id
    )


@pytest.fixture
async def store(cassandra_keyspace: CassandraAddress) -> AsyncIterator[Store]:
    made = Store()
    circumstances = Circumstances(made.clock, made.is_time_to_count)
    async with open_cassandra_store(cassandra_keyspace, circumstances=circumstances) as made.opened:
        yield made


@pytest.fixture
def traced(cassandra_keyspace: CassandraAddress) -> Iterator[Callable[..., list[str]]]:
    """Runs CQL and gives the events of its trace."""
    cluster = new_cluster(cassandra_keyspace)
    session = connect_to(cluster)

    def run(cql: str, *parameters: Any) -> list[str]:
        qualified = cql.replace("FROM ", f"FROM {cassandra_keyspace.keyspace}.")
        trace = session.execute(qualified, parameters, trace=True).get_query_trace(10)
        return [event.description for event in trace.events]

    yield run
    cluster.shutdown()


async def reading(store: CassandraStore, key: Key) -> None:
    """What the REST API does to open a conversation."""
    assert await store.conversations.get(*key) is not None
    assert len(await store.messages.page(*key, None, SHORT)) == SHORT


async def building(store: CassandraStore, key: Key) -> None:
    """What a worker does to answer in a conversation that it does not remember."""
    path = await History(store.messages, store.conversations, Tails()).path(*key, None, BUDGET_TOKENS - 10)
    assert build_context(None, path.messages, "And now?", BUDGET_TOKENS).input_tokens > BUDGET_TOKENS // 2


Doing = Callable[[CassandraStore, Key], Awaitable[None]]


async def cpu_seconds(doing: Doing, store: CassandraStore, key: Key) -> float:
    """This process's, over five times."""
    began = time.process_time()
    for _ in range(5):
        await doing(store, key)
    return time.process_time() - began


async def requests(doing: Doing, store: CassandraStore, key: Key) -> int:
    before = store.session.requests
    await doing(store, key)
    return store.session.requests - before


async def ratio(doing: Doing, store: CassandraStore, short: Key, long: Key) -> float:
    """The long conversation's cost by the short one's: medians of runs that alternate, also in who comes first."""
    costs: dict[Key, list[float]] = {short: [], long: []}
    for run in range(RUNS):
        for key in (short, long) if run % 2 else (long, short):
            costs[key].append(await cpu_seconds(doing, store, key))
    return statistics.median(costs[long]) / statistics.median(costs[short])


@pytest.mark.parametrize("doing", [reading, building])
async def test_five_thousand_messages_cost_what_fifty_cost(store: Store, doing: Doing) -> None:
    short, long = await store.converse(SHORT), await store.converse(LONG)
    assert [await requests(doing, store.opened, key) for key in (short, long)] == [2, 2]
    ratios: list[float] = []
    while len(ratios) < MEASUREMENTS and min(ratios, default=2) > 1.1:
        ratios.append(await ratio(doing, store.opened, short, long))
    assert min(ratios) <= 1.1, ratios


async def test_no_partition_outgrows_its_bound_and_paging_back_shows_every_message_once(store: Store) -> None:
    key = await store.converse(LONG)
    announced = await store.opened.session.row(BUCKETS, *map(uuid.UUID, key))
    assert announced is not None
    buckets = {0, *announced[0]}
    assert len(buckets) > 1
    assert len(buckets) >= LONG // (MAX_MESSAGES + 2 * AHEAD_MS // TURN_MS + 20)
    for bucket in buckets:
        counted = await store.opened.session.row(COUNT, *map(uuid.UUID, key), bucket)
        assert counted is not None
        assert counted[0] <= MAX_MESSAGES + 2 * (AHEAD_MS // TURN_MS) + 20
    ids, before = [], None
    while page := await store.opened.messages.page(*key, before, 333):
        before = page[-1].message_id
        ids += [row.message_id for row in page]
    assert len(ids) == LONG
    assert ids == sorted(set(ids), reverse=True)
    assert await store.opened.messages.one(*key, ids[LONG // 2]) is not None


def tombstones(events: list[str]) -> int:
    """How many were read, as a trace tells."""
    told = [re.search(r"and (\d+) tombstone", event) for event in events]
    return sum(int(found[1]) for found in told if found)


async def test_deleted_conversations_leave_a_tombstone_each_and_none_in_anybody_elses_way(
    store: Store, traced: Callable[..., list[str]]
) -> None:
    user_id, kept = new_id(), await store.converse(SHORT)
    for _ in range(DELETED):
        key = (user_id, new_id())
        question = _row(store.clock.now_ms, "user", None)
        await store.opened.messages.append(*key, [question], store.clock.now_ms)
        await store.opened.conversations.touch(
            *key, leaf=question.message_id, updated_at_ms=store.clock.now_ms, title_if_none="Trees"
        )
        await store.opened.conversations.delete(*key, store.clock.now_ms)
    assert await store.opened.conversations.newest(user_id, 50) == []
    mine = uuid.UUID(user_id)
    of_list = await asyncio.to_thread(traced, "SELECT hour FROM conversations_by_hour WHERE user_id = %s", mine)
    assert tombstones(of_list) <= DELETED
    of_messages = await asyncio.to_thread(
        traced,
        "SELECT text FROM messages WHERE user_id = %s AND conversation_id = %s AND bucket = 0 LIMIT 50",
        *map(uuid.UUID, kept),
    )
    assert any("Read 50 live rows and 0 tombstone" in event for event in of_messages), of_messages
    of_deleted = await asyncio.to_thread(
        traced,
        "SELECT text FROM messages WHERE user_id = %s AND conversation_id = %s AND bucket = 0 LIMIT 50",
        *map(uuid.UUID, key),
    )
    assert tombstones(of_deleted) <= 1


async def test_ended_turns_leave_a_tombstone_each_for_an_hour_and_cost_the_watching_one_read(
    store: Store, traced: Callable[..., list[str]]
) -> None:
    turns, conversations, key = store.opened.turns, store.opened.conversations, (new_id(), new_id())
    for _ in range(DELETED):
        turn = a_turn(*key, attempt=1, owner=new_id())
        await turns.compare_and_set(turn, None)
        await turns.compare_and_set(msgspec.structs.replace(turn, version=2, finish=a_finish()), 1)
        await conversations.touch(*key, leaf=message_id(1), updated_at_ms=store.clock.now_ms, title_if_none=None)
    before = store.opened.session.requests
    assert await turns.open_of_conversation(*key) == []
    assert store.opened.session.requests - before == 1
    events = await asyncio.to_thread(
        traced,
        "SELECT turn_id FROM open_turns WHERE user_id = %s AND conversation_id = %s",
        *map(uuid.UUID, key),
    )
    assert tombstones(events) <= DELETED, events


async def test_a_claim_that_comes_after_the_end_leaves_no_entry_among_the_open_turns(store: Store) -> None:
    turns, conversations, key = store.opened.turns, store.opened.conversations, (new_id(), new_id())
    turn = a_turn(*key, attempt=1, owner=new_id())
    await turns.compare_and_set(turn, None)
    await turns.compare_and_set(msgspec.structs.replace(turn, version=2, finish=a_finish()), 1)
    for _ in range(2):
        await conversations.touch(*key, leaf=message_id(1), updated_at_ms=store.clock.now_ms, title_if_none=None)
        refused = await turns.compare_and_set(turn, None)
        assert refused is not None
        assert refused.is_ended
    await conversations.touch(*key, leaf=message_id(1), updated_at_ms=store.clock.now_ms, title_if_none=None)
    assert await store.opened.session.rows(NOTED, *map(uuid.UUID, key)) == []


async def test_an_ordinary_turn_costs_two_compare_and_sets_and_three_writes(store: Store) -> None:
    turns, key, now_ms = store.opened.turns, (new_id(), new_id()), store.clock.now_ms
    assert await store.opened.conversations.get(*key) is None
    before, turn = store.opened.session.requests, a_turn(*key, attempt=1, owner=new_id())
    await turns.compare_and_set(turn, None)  # and its entry among the open turns
    await turns.compare_and_set(msgspec.structs.replace(turn, version=2, finish=a_finish()), 1)
    question = _row(now_ms, "user", None)
    answer = _row(now_ms + 1, "assistant", question.message_id)
    await store.opened.messages.append(*key, [question, answer], now_ms)
    await store.opened.conversations.touch(*key, leaf=answer.message_id, updated_at_ms=now_ms, title_if_none="Trees")
    assert store.opened.session.requests - before == 5
    assert await turns.open_of_conversation(*key) == []
