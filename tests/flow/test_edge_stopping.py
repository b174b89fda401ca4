"""Stopping over a real socket: the row says stop, the workers are told, and the terminal frame is the answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from producers.errors import OutcomeUnknown
from schemas.control import StopAsked
from schemas.frames import Stopped
from schemas.ids import new_id, turn_id_of
from store.rows import TurnRow
from tests.edge_turns import Turn, answer_frames
from tests.flow.running_edge import WAIT_SECONDS, Stage, stage, until, watch
from ws_edge import looking_up


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as running:
        yield running


async def is_marked(scene: Stage, turn_id: str) -> bool:
    row = await scene.store.turns.load(turn_id)
    return row is not None and row.stop


async def test_a_queued_turn_gets_a_row_that_says_stop(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.asked())
        await person.say(type="stop", turn_id=turn.turn_id)
        await until(lambda: scene.control.notices == [StopAsked(turn_id=turn.turn_id)] * 2)
        row = await scene.store.turns.load(turn.turn_id)
        assert row is not None
        assert (row.user_id, row.conversation_id, row.version) == (person.user_id, turn.conversation_id, 1)
        assert (row.stop, row.attempt) == (True, 0)


async def test_a_running_turns_row_is_changed_and_nothing_else_in_it(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        turn.started()
        row = turn.row(owner="worker-1", nonce="n", version=1)
        await scene.store.turns.compare_and_set(row, None)
        await person.say(type="stop", turn_id=turn.turn_id)
        await until(lambda: bool(scene.control.notices))
        assert await scene.store.turns.load(turn.turn_id) == msgspec.structs.replace(row, stop=True, version=2)


async def test_whoever_runs_it_is_told_before_the_row_is_written_and_again_after(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.started())
        compare_and_set, may_write = scene.store.turns.compare_and_set, asyncio.Event()

        async def slow(row: TurnRow, expected_version: int | None) -> TurnRow | None:
            await may_write.wait()
            return await compare_and_set(row, expected_version)

        object.__setattr__(scene.store.turns, "compare_and_set", slow)
        await person.say(type="stop", turn_id=turn.turn_id)
        await until(lambda: scene.control.notices == [StopAsked(turn_id=turn.turn_id)])
        assert not await is_marked(scene, turn.turn_id)
        may_write.set()
        await until(lambda: len(scene.control.notices) == 2)
        assert await is_marked(scene, turn.turn_id)


async def test_a_lost_race_for_the_row_is_run_again_on_what_came_back(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.asked())
        claimed = turn.row(attempt=1, owner="worker-1", version=1)
        load = scene.store.turns.load

        async def claimed_in_between(turn_id: str) -> object:
            row = await load(turn_id)
            await scene.store.turns.compare_and_set(claimed, None)
            return row

        object.__setattr__(scene.store.turns, "load", claimed_in_between)
        await person.say(type="stop", turn_id=turn.turn_id)
        await until(lambda: len(scene.control.notices) == 2)
        assert await load(turn.turn_id) == msgspec.structs.replace(claimed, stop=True, version=2)


async def test_a_turn_that_nobody_knows_gets_no_row(scene: Stage) -> None:
    async with scene.person() as person:
        ids = {"request_id": new_id(), "conversation_id": new_id()}
        await person.say(type="stop", **ids)
        error = await person.hear("error")
        assert (error["code"], error["frame_type"]) == ("unknown_turn", "stop")
        assert error["request_id"] == ids["request_id"]
        await person.say(type="stop", turn_id=new_id())
        error = await person.hear("error")
        assert (error["code"], error["frame_type"], "request_id" in error) == ("unknown_turn", "stop", False)
        assert not await is_marked(scene, turn_id_of(person.user_id, ids["conversation_id"], ids["request_id"]))


async def test_somebody_elses_turn_does_not_exist(scene: Stage) -> None:
    async with scene.person("asha") as owner, scene.person("ravi") as stranger:
        turn = Turn(owner.user_id)
        scene.publish(owner.user_id, turn.asked())
        for ids in (
            {"turn_id": turn.turn_id},
            {"request_id": turn.request_id, "conversation_id": turn.conversation_id},
        ):
            await stranger.say(type="stop", **ids)
            assert (await stranger.hear("error"))["code"] == "unknown_turn"
        assert not await is_marked(scene, turn.turn_id)
        assert scene.control.notices == []


async def test_stopping_again_tells_the_workers_again(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.asked())
        for count in (2, 4):
            await person.say(type="stop", turn_id=turn.turn_id)
            await until(lambda expected=count: len(scene.control.notices) == expected)  # type: ignore[misc]
        row = await scene.store.turns.load(turn.turn_id)
        assert row is not None
        assert row.version == 1


async def test_an_ended_turn_is_left_alone_and_who_does_not_watch_it_gets_its_end(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        *_, terminal = answer_frames(turn, 2)
        await scene.store.turns.compare_and_set(turn.ended_row(terminal), None)
        await person.say(type="stop", turn_id=turn.turn_id)
        snapshot = await person.hear("snapshot")
        assert (snapshot["status"], snapshot["text"]) == ("completed", "w0 w1 ")
        assert not await is_marked(scene, turn.turn_id)
        assert scene.control.notices == []


async def test_who_does_not_watch_gets_the_terminal_frame_and_before_it_all_that_it_belongs_to(scene: Stage) -> None:
    async with scene.person() as watching, scene.person() as stopping:
        turn = Turn(watching.user_id)
        await watching.say(type="watch", conversation_id=turn.conversation_id)
        await watching.hear("watching")
        scene.publish(watching.user_id, turn.started(), turn.delta())
        await stopping.say(type="stop", turn_id=turn.turn_id)
        await until(lambda: len(scene.control.notices) == 2)
        stopped = turn.stopped()
        scene.publish(watching.user_id, stopped)
        snapshot, end = await stopping.hear_all("snapshot", "stopped")
        assert (snapshot["text"], snapshot["status"], snapshot["seq"]) == ("word ", "running", stopped.seq - 1)
        assert end["seq"] == stopped.seq
        await watching.hear_all("started", "delta", "stopped")
        for person in (watching, stopping):
            await person.hears_nothing_more()


async def test_who_does_not_watch_gets_an_end_that_this_edge_missed_from_the_store(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.started())
        await person.say(type="stop", turn_id=turn.turn_id)
        await until(lambda: len(scene.control.notices) == 2)
        turn.delta("lost")
        stopped = turn.stopped()
        row = await scene.store.turns.load(turn.turn_id)
        assert row is not None
        ended = msgspec.structs.replace(turn.ended_row(stopped), version=row.version + 1)
        await scene.store.turns.compare_and_set(ended, row.version)
        scene.publish(person.user_id, stopped)
        snapshot = await person.hear("snapshot")
        assert (snapshot["text"], snapshot["status"], snapshot["seq"]) == ("lost", "stopped", stopped.seq)
        await person.hears_nothing_more()


async def test_the_end_of_a_turn_that_somebody_else_asked_to_stop_is_told_to_its_user_only(scene: Stage) -> None:
    async with scene.person("asha") as owner, scene.person("ravi") as stranger:
        turn = Turn(owner.user_id)
        scene.publish(owner.user_id, turn.started())
        await stranger.say(type="stop", turn_id=turn.turn_id)
        await stranger.hear("error")
        scene.publish(owner.user_id, turn.completed())
        await owner.hears_nothing_more()
        await stranger.hears_nothing_more()


async def test_a_stop_that_comes_too_late_brings_those_who_watch_the_end_once(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        *before, terminal = answer_frames(turn, 1)
        await person.say(type="watch", conversation_id=turn.conversation_id)
        await person.hear("watching")
        scene.publish(person.user_id, *before)
        await person.hear_all("started", "delta")
        await scene.store.turns.compare_and_set(turn.ended_row(terminal), None)
        await person.say(type="stop", turn_id=turn.turn_id)
        assert (await person.hear("snapshot"))["status"] == "completed"
        scene.publish(person.user_id, terminal)
        await person.say(type="stop", turn_id=turn.turn_id)
        await person.hears_nothing_more()


async def end_while_it_is_read(scene: Stage, turn: Turn, terminal: Stopped) -> None:
    """A quick worker: the stop finds the row ended, and the log's last frame comes a moment later."""
    await scene.store.turns.compare_and_set(turn.ended_row(terminal), None)
    load = scene.store.turns.load

    async def found_ended(turn_id: str) -> TurnRow | None:
        row = await load(turn_id)
        asyncio.get_running_loop().call_later(0.1, scene.publish, turn.user_id, terminal)
        return row

    object.__setattr__(scene.store.turns, "load", found_ended)


async def test_whose_turn_ends_while_the_stop_is_written_is_told_by_the_logs_own_frame(
    scene: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_up, "LOG_FIRST_SECONDS", 3600.0)
    async with scene.person() as watching, scene.person() as stopping:
        turn = Turn(watching.user_id)
        await watch(watching, turn)
        scene.publish(watching.user_id, turn.started(), turn.delta())
        await watching.hear_all("started", "delta")
        await end_while_it_is_read(scene, turn, turn.stopped())
        await stopping.say(type="stop", turn_id=turn.turn_id)
        assert (await watching.hear())["type"] == "stopped"
        snapshot, _ = await stopping.hear_all("snapshot", "stopped")
        assert snapshot["status"] == "running"
        for person in (watching, stopping):
            await person.hears_nothing_more()


async def test_a_stop_over_rest_does_not_wait_for_the_logs_own_frame(
    scene: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_up, "LOG_FIRST_SECONDS", 3600.0)
    async with scene.person() as person, scene.http() as http:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.started())
        await person.hears_nothing_more()
        await scene.store.turns.compare_and_set(turn.ended_row(turn.completed()), None)
        async with asyncio.timeout(WAIT_SECONDS):
            assert (await http.post(f"/v1/turns/{turn.turn_id}/stop")).status_code == 202


async def test_without_the_store_the_workers_are_told_all_the_same(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.started())
        scene.outage.set()
        await person.say(type="stop", turn_id=turn.turn_id)
        assert (await person.hear("error"))["code"] == "history_unavailable"
        await until(lambda: scene.control.notices == [StopAsked(turn_id=turn.turn_id)])


async def test_without_the_store_a_turn_that_may_be_anybodys_is_not_stopped(scene: Stage) -> None:
    async with scene.person() as person:
        scene.outage.set()
        await person.say(type="stop", turn_id=new_id())
        assert (await person.hear("error"))["code"] == "history_unavailable"
        await person.hears_nothing_more()
        assert scene.control.notices == []


async def test_a_stop_that_the_workers_could_not_be_told_says_so(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.started())
        scene.control.fail_with = OutcomeUnknown("no answer")
        await person.say(type="stop", turn_id=turn.turn_id)
        error = await person.hear("error")
        assert (error["code"], error["frame_type"], error["temporary"]) == ("overloaded", "stop", True)
        assert await is_marked(scene, turn.turn_id)
