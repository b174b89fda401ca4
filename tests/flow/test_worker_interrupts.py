"""Stops and interruptions of turns whose record is at another worker than their answer, as after a rebalance (G8)."""

from pathlib import Path

import msgspec
import pytest

from consumers import claimer
from schemas import codec
from schemas.control import StopAsked
from schemas.frames import Stopped
from schemas.ids import seq_of
from schemas.topics import CONTROL
from store.rows import Checkpoint, TurnRow, released_row
from tests.contracts.deadlines import eventually
from tests.flow.dying_workers import NOBODY_DIES, held_by
from tests.flow.scripted_door import Gate, ScriptedDoor
from tests.flow.topic_readers import answer_in, reading_topic
from tests.flow.worker_stage import Stage, a_request, running_stage


def hello() -> ScriptedDoor:
    return ScriptedDoor({"fast": ["Hello", " you", "."]})


async def row_of(stage: Stage, turn_id: str) -> TurnRow:
    row = await stage.store.turns.load(turn_id)
    assert row is not None
    return row


async def test_an_interruption_reaches_a_turn_that_streams_at_another_worker(tmp_path: Path) -> None:
    gate = Gate()
    slow = ScriptedDoor({"fast": ["Shown", gate, " never shown"]})
    async with (
        running_stage(tmp_path, hello(), NOBODY_DIES) as taker,
        running_stage(tmp_path, slow, NOBODY_DIES) as streaming,
        reading_topic(taker.bootstrap, CONTROL.name) as control,
    ):
        first = await streaming.ask("one")
        await gate.wait_for_model()
        await taker.ask_again(first)
        second = await taker.ask("two", conversation_id=first.conversation_id, on_busy="interrupt")
        notices = await control.until(lambda: [codec.decode_notice(record.value) for record in control.records])
        assert notices == [StopAsked(turn_id=first.turn_id)]
        assert (await row_of(taker, first.turn_id)).stop
        await streaming.control.notify(notices[0])  # each stage has a broker of its own
        assert isinstance((await streaming.replies.end_of(first.turn_id))[-1], Stopped)
        assert answer_in(await taker.replies.end_of(second.turn_id)) == "Hello you."
        assert [message.text for message in await taker.messages(second)] == ["one", "Shown", "two", "Hello you."]


async def test_an_interruption_outlives_the_worker_that_polled_it(tmp_path: Path) -> None:
    held = a_request("one")
    async with running_stage(tmp_path, hello(), NOBODY_DIES) as polled:
        await polled.store.heartbeats.beat("alive", 1)
        await polled.store.turns.compare_and_set(held_by("alive", held), None)
        await polled.ask_again(held)
        await polled.ask("two", conversation_id=held.conversation_id, on_busy="interrupt")

        async def is_marked() -> bool:
            return (await row_of(polled, held.turn_id)).stop

        await eventually(is_marked)
        await polled.store.turns.compare_and_set(released_row(await row_of(polled, held.turn_id)), 2)
    async with running_stage(tmp_path, hello(), NOBODY_DIES) as next_one:
        await next_one.ask_again(held)
        assert isinstance((await next_one.replies.end_of(held.turn_id))[-1], Stopped)


async def test_a_stop_of_a_turn_that_waits_for_another_worker_is_seen_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claimer, "LOOK_AGAIN_SECONDS", 3600)
    held = a_request()
    async with running_stage(tmp_path, hello(), NOBODY_DIES) as stage:
        await stage.store.heartbeats.beat("alive", 1)
        row = held_by("alive", held)
        await stage.store.turns.compare_and_set(row, None)
        await stage.store.checkpoints.save(held.turn_id, Checkpoint(1, seq_of(1, 1), "Shown", "fast"))
        await stage.ask_again(held)
        await eventually(lambda: _waits(stage))
        stopped = msgspec.structs.replace(row, version=2, stop=True)
        await stage.store.turns.compare_and_set(stopped, 1)
        await stage.store.turns.compare_and_set(released_row(stopped), 2)
        await stage.control.notify(StopAsked(turn_id=held.turn_id))
        frames = await stage.replies.end_of(held.turn_id)
        assert [codec.kind_of(frame) for frame in frames] == ["started", "delta", "stopped"]
        assert answer_in(frames) == "Shown"


async def _waits(stage: Stage) -> bool:
    return stage.worker._running.held_elsewhere_count == 1
