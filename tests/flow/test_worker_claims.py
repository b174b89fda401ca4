"""One turn, several workers: takeovers from the dead, waiting for the living, giving back at a drain (G2, G5, G6).

The embedded broker holds one member in a group, so every worker has a broker of its own and all share one store: the
record that a rebalance would deliver again is written again by the test.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consumers.control_listener import ControlListener
from consumers.endings import NO_USAGE, finished_row
from consumers.outcomes import Completed as Finished
from consumers.settings import WorkerSettings
from producers.notice_producers import ControlProducer
from schemas.control import AnyNotice, TurnTaken
from schemas.errors import ErrorCode
from schemas.frames import Completed, Failed, Stopped
from schemas.ids import attempt_of, new_id, seq_of
from schemas.parts import Usage
from schemas.requests import Ask
from store.rows import Checkpoint
from tests.contracts.deadlines import eventually
from tests.flow.dying_workers import NOBODY_DIES, QUICK_DEATH, held_by, hurry
from tests.flow.scripted_door import Gate, ScriptedDoor
from tests.flow.topic_readers import answer_in, attempt_frames
from tests.flow.worker_stage import Stage, a_request, running_stage


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def hello() -> ScriptedDoor:
    return ScriptedDoor({"fast": ["Hello", " you."]})


async def test_a_turn_of_a_dead_worker_is_taken_over_with_the_next_attempt_and_both_are_billed(tmp_path: Path) -> None:
    async with running_stage(tmp_path, hello(), QUICK_DEATH) as stage:
        request = a_request()
        row = held_by("dead", request, first_claimed_at_ms=None)
        await stage.store.turns.compare_and_set(row, None)
        await stage.store.checkpoints.save(request.turn_id, Checkpoint(1, seq_of(1, 3), "Half an ans", "fast"))
        await stage.ask_again(request)
        frames = await stage.replies.end_of(request.turn_id)
        assert {attempt_of(frame.seq) for frame in frames} == {2}
        assert isinstance(frames[-1], Completed)
        assert answer_in(frames) == "Hello you."
        question, answer = await stage.messages(request)
        assert (question.message_id, answer.message_id) == (row.question and row.question.id, row.answer_id)
        bills = await stage.bills(request, at_least=2)
        assert [(bill.attempt, bill.estimated) for bill in bills] == [(1, True), (2, False)]
        assert answer.usage is not None
        assert answer.usage.output_tokens == sum(bill.output_tokens for bill in bills)


async def test_while_its_owner_lives_a_turn_is_waited_for_and_its_end_repeated(tmp_path: Path) -> None:
    gate = Gate()
    slow, other = ScriptedDoor({"fast": ["Hello", gate, " you."]}), hello()
    async with (
        running_stage(tmp_path, slow, WorkerSettings(drain_seconds=5, merge_ms=5)) as owner,
        running_stage(tmp_path, other, QUICK_DEATH) as waiter,
    ):
        request = await owner.ask()
        await gate.wait_for_model()
        await waiter.ask_again(request)
        await eventually(lambda: looked_at(waiter, request))
        for _ in range(3):
            await waiter.worker._heart._beat_and_watch()
        assert waiter.replies.frames(request.turn_id) == []
        gate.open()
        end = (await owner.replies.end_of(request.turn_id))[-1]
        assert await waiter.replies.end_of(request.turn_id) == [end]
        assert other.asked == []
        await waiter.until_committed(1)


async def test_a_turn_that_another_worker_holds_takes_no_place_from_the_next_conversation(tmp_path: Path) -> None:
    held, one_at_a_time = a_request(), QUICK_DEATH.model_copy(update={"max_running": 1, "dead_after_seconds": 60})
    async with running_stage(tmp_path, hello(), one_at_a_time) as stage:
        await stage.store.heartbeats.beat("alive", 1)
        await stage.store.turns.compare_and_set(
            held_by("alive", held, first_claimed_at_ms=int(time.time() * 1000)), None
        )
        await stage.ask_again(held)
        await eventually(lambda: looked_at(stage, held))
        other = await stage.ask()
        assert answer_in(await stage.replies.end_of(other.turn_id)) == "Hello you."
        assert stage.replies.frames(held.turn_id) == []


async def test_a_drain_gives_running_turns_back_and_another_worker_answers_them(tmp_path: Path) -> None:
    gate = Gate()
    slow = ScriptedDoor({"fast": ["Hello", gate, " never"]})
    async with running_stage(tmp_path, hello(), NOBODY_DIES) as taker:
        async with running_stage(tmp_path, slow, NOBODY_DIES) as leaver:
            request = await leaver.ask()
            await leaver.replies.shown(request.turn_id, "Hello")
        released = await taker.store.turns.load(request.turn_id)
        assert released is not None
        assert (released.owner, released.releases, released.attempt, released.is_ended) == (None, 1, 1, False)
        assert slow.closed == 1
        await taker.ask_again(request)
        frames = await taker.replies.end_of(request.turn_id)
        assert {attempt_of(frame.seq) for frame in frames} == {2}
        assert answer_in(frames) == "Hello you."


async def test_a_drain_lets_turns_end_that_end_in_time_and_starts_no_more(tmp_path: Path) -> None:
    gate = Gate()
    door = ScriptedDoor({"slow": ["Hello", gate, " you."], "fast": ["Hi."]})
    async with running_stage(tmp_path, door, WorkerSettings(drain_seconds=5, merge_ms=5)) as stage:
        running = await stage.ask(model="slow")
        await gate.wait_for_model()
        waiting = await stage.ask(conversation_id=running.conversation_id)
        draining = asyncio.create_task(stage.worker.drain())
        await asyncio.sleep(0)
        gate.open()
        assert answer_in(await stage.replies.end_of(running.turn_id)) == "Hello you."
        await draining
        assert stage.replies.frames(waiting.turn_id) == []
        assert await stage.store.turns.load(waiting.turn_id) is None
        ended = await stage.store.turns.load(running.turn_id)
        assert ended is not None and ended.is_ended
        assert not stage.worker.is_ready


async def test_a_drain_waits_for_no_turn_that_has_not_asked_its_model_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = ScriptedDoor({"fast": ["Hello", Gate()]})
    async with running_stage(tmp_path, door, WorkerSettings(drain_seconds=60, merge_ms=5)) as stage:
        reading, may_read = asyncio.Event(), asyncio.Event()
        read_path = stage.worker._history.path

        async def read_late(*where: Any) -> Any:
            reading.set()
            await may_read.wait()
            return await read_path(*where)

        monkeypatch.setattr(stage.worker._history, "path", read_late)
        request = await stage.ask()
        await reading.wait()
        draining = asyncio.create_task(stage.worker.drain())
        await asyncio.sleep(0)
        may_read.set()
        async with asyncio.timeout(10):
            await draining
        row = await stage.store.turns.load(request.turn_id)
        assert row is not None and (row.owner, row.releases, row.is_ended, door.asked) == (None, 1, False, [])
        assert row.usage_by_attempt == {1: NO_USAGE}


async def test_a_drained_worker_is_gone_at_once_for_the_others(tmp_path: Path) -> None:
    async with running_stage(tmp_path, hello(), NOBODY_DIES) as stays:
        async with running_stage(tmp_path, hello(), NOBODY_DIES) as leaves:
            await eventually(lambda: beats(stays, leaves.worker_id))
        assert leaves.worker_id not in await stays.store.heartbeats.counters()


async def test_whoever_runs_a_lower_attempt_falls_silent_and_repeats_the_others_end(tmp_path: Path) -> None:
    gate = Gate()
    door = ScriptedDoor({"fast": ["Hello", gate, " never"]})
    async with running_stage(tmp_path, door, NOBODY_DIES) as stage:
        request = await stage.ask()
        await stage.replies.shown(request.turn_id, "Hello")
        await taken_by_another(stage, request)
        await stage.control.notify(TurnTaken(turn_id=request.turn_id, attempt=2))
        await eventually(lambda: is_closed(door))
        gate.open()
        assert len(stage.replies.frames(request.turn_id)) == 2
        ended = await ended_by_another(stage, request)
        frames = await stage.replies.end_of(request.turn_id)
        assert attempt_frames(frames, 1) == frames[:2]
        assert stage.replies.ends(request.turn_id) == [ended]


async def test_an_attempt_that_was_overtaken_unnoticed_cannot_end_the_turn(tmp_path: Path) -> None:
    gate = Gate()
    door = ScriptedDoor({"fast": ["Hello", gate, " you."]})
    async with running_stage(tmp_path, door, NOBODY_DIES) as stage:
        request = await stage.ask()
        await gate.wait_for_model()
        await taken_by_another(stage, request)
        gate.open()
        await stage.replies.shown(request.turn_id, "Hello you.")
        ended = await ended_by_another(stage, request)
        await stage.replies.end_of(request.turn_id)
        assert stage.replies.ends(request.turn_id) == [ended]
        assert len(door.asked) == 1


async def test_a_worker_that_takes_its_own_turn_again_does_not_mistake_its_notice_for_anothers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acknowledge_notices_once_heard(monkeypatch)
    gate = Gate()
    door = ScriptedDoor({"fast": ["Hello", gate, " you."]})
    async with running_stage(tmp_path, door, QUICK_DEATH) as stage:
        request = await stage.ask()
        await gate.wait_for_model()
        await taken_by_another(stage, request)
        gate.open()
        # It loses, waits for the other, finds it dead, and takes attempt 3.
        frames = await stage.replies.end_of(request.turn_id)
        assert {attempt_of(frame.seq) for frame in frames} == {1, 3}
        assert answer_in(attempt_frames(frames, 3)) == "Hello you."


async def test_after_five_attempts_a_turn_fails_and_shows_what_the_last_one_left(tmp_path: Path) -> None:
    async with running_stage(tmp_path, hello(), QUICK_DEATH) as stage:
        request = a_request()
        await stage.store.turns.compare_and_set(held_by("dead", request, attempt=5), None)
        await stage.store.checkpoints.save(request.turn_id, Checkpoint(5, seq_of(5, 3), "Half an ans", "fast"))
        await stage.ask_again(request)
        frames = await stage.replies.end_of(request.turn_id)
        failed = frames[-1]
        assert isinstance(failed, Failed)
        assert failed.code is ErrorCode.TOO_MANY_ATTEMPTS
        assert answer_in(frames) == "Half an ans" == (await stage.messages(request))[1].text


async def test_a_turn_left_beyond_its_deadline_fails_when_it_is_found(tmp_path: Path) -> None:
    async with running_stage(tmp_path, hello(), QUICK_DEATH) as stage:
        request = a_request()
        await stage.store.turns.compare_and_set(held_by("dead", request, first_claimed_at_ms=1), None)
        await stage.ask_again(request)
        failed = (await stage.replies.end_of(request.turn_id))[-1]
        assert isinstance(failed, Failed)
        assert failed.code is ErrorCode.DEADLINE_EXCEEDED


async def test_a_stop_for_a_turn_that_a_dead_worker_held_keeps_its_text(tmp_path: Path) -> None:
    async with running_stage(tmp_path, hello(), QUICK_DEATH) as stage:
        request = a_request()
        await stage.store.turns.compare_and_set(held_by("dead", request), None)
        await stage.store.checkpoints.save(request.turn_id, Checkpoint(1, seq_of(1, 3), "Half an ans", "fast"))
        await stage.ask_to_stop(request)
        await stage.ask_again(request)
        frames = await stage.replies.end_of(request.turn_id)
        assert isinstance(frames[-1], Stopped)
        assert answer_in(frames) == "Half an ans" == (await stage.messages(request))[1].text


async def test_a_running_turns_text_is_checkpointed_now_and_then(tmp_path: Path) -> None:
    gate = Gate()
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello", gate]}), NOBODY_DIES) as stage:
        request = await stage.ask()

        async def is_saved() -> bool:
            saved = await stage.store.checkpoints.newest(request.turn_id)
            return saved == Checkpoint(1, seq_of(1, 1), "Hello", "fast")

        await eventually(is_saved)
        gate.open()
        await stage.replies.end_of(request.turn_id)


async def taken_by_another(stage: Stage, request: Ask) -> None:
    """Another worker claims attempt 2, as if it took this one for dead."""
    row = await stage.store.turns.load(request.turn_id)
    assert row is not None
    taken = msgspec.structs.replace(row, version=row.version + 1, attempt=2, owner="other", nonce=new_id())
    assert await stage.store.turns.compare_and_set(taken, row.version) is None


async def ended_by_another(stage: Stage, request: Ask) -> bytes:
    """The other worker ends attempt 2; gives the bytes of its terminal frame."""
    row = await stage.store.turns.load(request.turn_id)
    assert row is not None
    usage = {2: Usage(1, 1, estimated=False)}
    ended = finished_row(row, Finished("stop", usage[2]), Checkpoint(2, seq_of(2, 2), "Others", "fast"), usage, 5)
    assert await stage.store.turns.compare_and_set(ended, row.version) is None
    assert ended.finish is not None
    return ended.finish.terminal_frame


def acknowledge_notices_once_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker may well deliver a notice before it tells the writer that it has it."""
    heard = asyncio.Event()
    notify, act_on = ControlProducer.notify, ControlListener.act_on

    async def notify_slowly(self: ControlProducer, notice: AnyNotice) -> None:
        await notify(self, notice)
        await heard.wait()

    def hear(self: ControlListener, notice: AnyNotice) -> None:
        act_on(self, notice)
        heard.set()

    monkeypatch.setattr(ControlProducer, "notify", notify_slowly)
    monkeypatch.setattr(ControlListener, "act_on", hear)


async def looked_at(stage: Stage, request: Ask) -> bool:
    turn = stage.worker._running.get(request.turn_id)
    return turn is not None


async def beats(stage: Stage, worker_id: str) -> bool:
    return worker_id in await stage.store.heartbeats.counters()


async def is_closed(door: ScriptedDoor) -> bool:
    return door.closed == 1
