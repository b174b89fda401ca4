"""Heartbeats, on every store."""

from schemas.ids import new_id
from tests.contracts.conftest import Store
from tests.contracts.deadlines import eventually


async def test_every_workers_counter_is_the_last_one_it_beat(store: Store) -> None:
    one, other = new_id(), new_id()
    await store.heartbeats.beat(one, 1)
    await store.heartbeats.beat(other, 7)
    await store.heartbeats.beat(one, 2)
    counters = await store.heartbeats.counters()
    assert (counters[one], counters[other]) == (2, 7)


async def test_a_worker_that_left_is_gone_at_once_and_the_others_stay(store: Store) -> None:
    leaving, staying = new_id(), new_id()
    await store.heartbeats.beat(leaving, 1)
    await store.heartbeats.beat(staying, 1)
    await store.heartbeats.leave(leaving)
    counters = await store.heartbeats.counters()
    assert leaving not in counters
    assert counters[staying] == 1


async def test_leaving_twice_or_unknown_changes_nothing(store: Store) -> None:
    worker_id = new_id()
    await store.heartbeats.leave(worker_id)
    await store.heartbeats.leave(worker_id)
    assert worker_id not in await store.heartbeats.counters()


async def test_a_worker_that_stopped_beating_vanishes(forgetful_store: Store) -> None:
    worker_id = new_id()

    async def is_gone() -> bool:
        return worker_id not in await forgetful_store.heartbeats.counters()

    await forgetful_store.heartbeats.beat(worker_id, 1)
    await eventually(is_gone)
