"""A running worker's metrics and health, read over HTTP after real turns through a broker."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from consumers import claimer, watchdog
from consumers.llm.pieces import ProviderFault
from consumers.settings import WorkerSettings
from consumers.watchdog import WorkerStuck
from schemas.errors import ErrorCode
from schemas.ids import new_id
from schemas.topics import REQUESTS
from tests.contracts.deadlines import eventually
from tests.flow.admin_pages import Page, Scrape, page, scraped
from tests.flow.scripted_door import Gate, ScriptedDoor
from tests.flow.worker_stage import FAST_SETTINGS, Stage, a_request, running_stage

AN_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}|[0-9a-f]{16}")
QUICKLY_STUCK = FAST_SETTINGS.model_copy(update={"stuck_seconds": 0.3, "drain_seconds": 0})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claimer, "LOOK_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.05)


async def metrics_of(stage: Stage) -> Scrape:
    assert stage.monitored.address is not None
    return await scraped(stage.monitored.address)


async def probe(stage: Stage, path: str) -> Page:
    assert stage.monitored.address is not None
    return await page(stage.monitored.address, path)


async def turns_become(stage: Stage, **states: float) -> None:
    """Waits until the worker's turns stand like this."""

    async def do_stand() -> bool:
        metrics = await metrics_of(stage)
        return all(metrics("samvad_turns", state=state) == count for state, count in states.items())

    await eventually(do_stand)


async def test_two_answered_turns_are_counted_from_the_queue_to_the_tokens(tmp_path: Path) -> None:
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello", " you."]})) as stage:
        for request in (await stage.ask(), await stage.ask()):
            await stage.replies.end_of(request.turn_id)
        await stage.until_committed(2)
        await turns_become(stage, running=0, waiting=0, unpolled=0)
        metrics = await metrics_of(stage)
        assert metrics("samvad_claims_total", kind="first") == 2
        assert metrics("samvad_queue_wait_seconds_count") == 2
        assert 0 < metrics("samvad_queue_wait_seconds_sum") < 5
        assert metrics("samvad_turns_ended_total", outcome="completed") == 2
        assert metrics("samvad_tokens_total", model="fast", direction="input") == 2 * 7
        assert metrics("samvad_tokens_total", model="fast", direction="output") == 2 * 11
        assert metrics("samvad_open_turns") == 0
        assert metrics("samvad_oldest_uncommitted_seconds") == 0
        assert metrics("samvad_last_commit_age_seconds") < 5
        assert metrics("samvad_last_poll_age_seconds") < 5
        assert [metrics("samvad_consumer_lag_records", partition=str(number)) for number in range(4)] == [0] * 4
        assert not [value for value in metrics.label_values() if AN_ID.search(value)]


async def test_other_ends_repeats_and_unreadable_records_are_told_apart(tmp_path: Path) -> None:
    gate = Gate()
    broken = ProviderFault(ErrorCode.PROVIDER_FAILED, "APIConnectionError")
    door = ScriptedDoor({"fast": ["Hello"], "broken": ["Half", broken], "slow": ["Hello", gate]})
    async with running_stage(tmp_path, door) as stage:
        answered = await stage.ask()
        failed = await stage.ask(model="broken")
        unknown = await stage.ask(model=new_id())
        stopped = await stage.ask(model="slow")
        await gate.wait_for_model()
        await stage.ask_to_stop(stopped)
        for request in (answered, failed, unknown, stopped):
            await stage.replies.end_of(request.turn_id)
        await stage.ask_again(answered)
        await stage.write_raw(REQUESTS.name, b"not a request")
        await stage.until_committed(6)
        metrics = await metrics_of(stage)
        for outcome, count in (("completed", 1), ("stopped", 1), ("failed", 2)):
            assert metrics("samvad_turns_ended_total", outcome=outcome) == count
        assert metrics("samvad_turns_failed_total", code="provider_failed") == 1
        assert metrics("samvad_turns_failed_total", code="unknown_model") == 1
        assert metrics("samvad_claims_total", kind="redelivery") == 1
        assert metrics("samvad_dead_letters_total") == 1
        assert not [value for value in metrics.label_values() if AN_ID.search(value)]


async def test_open_turns_are_those_that_wait_and_those_that_run_each_once(tmp_path: Path) -> None:
    gate = Gate()
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello", gate]}), partitions=1) as stage:
        running = await stage.ask()
        await gate.wait_for_model()
        await stage.ask(conversation_id=running.conversation_id)
        await turns_become(stage, running=1, waiting=1)
        await stage.ask_again(running)  # a record that finds its turn behind others, and then ended
        await turns_become(stage, running=1, waiting=2)
        metrics = await metrics_of(stage)
        assert metrics("samvad_open_turns") == 3
        assert metrics("samvad_oldest_uncommitted_seconds") > 0
        gate.open()
        await turns_become(stage, running=0, waiting=0, unpolled=0)

        async def none_is_open() -> bool:
            return (await metrics_of(stage))("samvad_open_turns") == 0

        await eventually(none_is_open)  # a turn that ended is open until its task is done with it


async def test_a_turn_whose_partition_moved_is_counted_by_the_new_owner_only(tmp_path: Path) -> None:
    gate = Gate()
    async with (
        running_stage(tmp_path, ScriptedDoor({"fast": ["Hello", gate]}), partitions=1) as owner,
        running_stage(tmp_path, ScriptedDoor({"fast": ["never"]})) as other,
    ):
        request = await owner.ask()
        await gate.wait_for_model()
        assert (await metrics_of(owner))("samvad_open_turns") == 1
        leaving = asyncio.create_task(owner.worker.drain())  # it leaves the group, and the turn runs on
        await eventually(lambda: has_left(owner))
        await other.ask_again(request)  # as its partition's new owner gets it
        await turns_become(other, held_elsewhere=1, running=0, waiting=0)
        await turns_become(owner, running=1)
        assert (await metrics_of(owner))("samvad_open_turns") == 0
        assert (await metrics_of(other))("samvad_open_turns") == 1
        gate.open()
        await other.until_committed(1)
        await turns_become(other, held_elsewhere=0, running=0)
        assert (await metrics_of(other))("samvad_open_turns") == 0
        await leaving


async def test_a_redelivered_record_of_a_turn_that_runs_here_counts_once(tmp_path: Path) -> None:
    gate = Gate()
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello", gate]}), partitions=1) as stage:
        running = await stage.ask()
        await gate.wait_for_model()
        await stage.ask(conversation_id=running.conversation_id)
        await turns_become(stage, running=1, waiting=1)
        await give_out_anew(stage)
        await turns_become(stage, running=1, waiting=2)  # the two records again, behind the turn that never stopped
        assert (await metrics_of(stage))("samvad_open_turns") == 2
        gate.open()
        await stage.until_committed(2)
        await turns_become(stage, running=0, waiting=0, unpolled=0)
        assert (await metrics_of(stage))("samvad_open_turns") == 0


async def test_while_partitions_are_given_out_anew_the_number_to_scale_by_stays(tmp_path: Path) -> None:
    gate = Gate()
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello", gate]}), partitions=1) as stage:
        await stage.ask()
        await gate.wait_for_model()
        assert (await metrics_of(stage))("samvad_open_turns") == 1
        listener = stage.worker._requests
        await listener._rebalances.on_partitions_revoked(listener._consumer.assignment())
        assert (await metrics_of(stage))("samvad_open_turns") == 1
        gate.open()


async def has_left(stage: Stage) -> bool:
    return stage.worker._requests.progress.has_left


async def give_out_anew(stage: Stage) -> None:
    """What a rebalance does that gives a worker its partitions again: it reads on from what is committed."""
    listener = stage.worker._requests
    partitions = listener._consumer.assignment()
    await listener._rebalances.on_partitions_revoked(partitions)
    await listener._rebalances.on_partitions_assigned(partitions)
    for partition in partitions:
        listener._consumer.seek(partition, await listener._consumer.committed(partition) or 0)


async def test_a_worker_that_left_records_of_a_newer_version_to_others_is_unready_and_does_not_die(
    tmp_path: Path,
) -> None:
    async with running_stage(tmp_path, ScriptedDoor({}), QUICKLY_STUCK, partitions=1) as stage:
        stage.monitored.is_up()
        await stage.write_request(b'{"version": 9}', a_request())

        async def is_unready() -> bool:
            ready = await probe(stage, "/readyz")
            return ready.status == 503 and any("newer version" in reason for reason in ready.body["reasons"])

        await eventually(is_unready)
        await asyncio.sleep(2 * QUICKLY_STUCK.stuck_seconds)  # as long as a worker that stands still may live
        assert (await probe(stage, "/healthz")).status == 200
        assert (await metrics_of(stage))("samvad_open_turns") == 0


async def test_a_worker_is_ready_in_its_group_and_says_when_it_leaves(tmp_path: Path) -> None:
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello"]})) as stage:
        stage.monitored.is_up()
        request = await stage.ask()
        await stage.replies.end_of(request.turn_id)
        assert (await probe(stage, "/readyz")).body == {"status": "ready"}
        await stage.worker.drain()
        assert "draining" in (await probe(stage, "/readyz")).body["reasons"]


async def test_a_consumer_that_stands_still_ends_the_worker_and_healthz_says_why(tmp_path: Path) -> None:
    async with running_stage(tmp_path, ScriptedDoor({}), QUICKLY_STUCK, partitions=1) as stage:

        async def nothing(**_: Any) -> dict[Any, Any]:
            await asyncio.sleep(0.01)
            return {}

        stage.worker._requests._consumer.getmany = nothing
        await stage.ask()
        with pytest.raises(WorkerStuck, match=r"no progress for 0.3 s: partition 0"):
            await asyncio.wait_for(stage.worker.failed_or(asyncio.Event()), 10)
        health = await probe(stage, "/healthz")
        assert (health.status, health.body["reasons"]) == (503, ["no progress for 0.3 s: partition 0"])


async def test_a_broker_that_does_not_answer_ends_nobody_and_makes_the_worker_unready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.worker_health.SILENT_SECONDS", 0.2)
    settings = WorkerSettings(stuck_seconds=0.3, drain_seconds=0)
    async with running_stage(tmp_path, ScriptedDoor({}), settings, partitions=1) as stage:
        stage.monitored.is_up()

        async def away(*_: Any) -> dict[Any, Any]:
            raise KafkaError("away")

        async def nothing(**_: Any) -> dict[Any, Any]:
            await asyncio.sleep(0.01)
            return {}

        consumer = stage.worker._requests._consumer
        consumer.getmany, consumer.end_offsets = nothing, away
        await stage.ask()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stage.worker.failed_or(asyncio.Event()), 1.0)
        assert (await probe(stage, "/healthz")).status == 200
        assert "the broker has not answered" in (await probe(stage, "/readyz")).body["reasons"][0]
