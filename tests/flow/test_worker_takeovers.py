"""A new attempt goes on from the text that an earlier one left behind, as the alias's rule says (DESIGN 4, 6)."""

import asyncio
from pathlib import Path

import pytest

from consumers import streaming
from consumers.attempt_frames import MAX_DELTA_CHARACTERS
from consumers.context import estimate_tokens
from consumers.liveness import Liveness
from consumers.streaming import MAX_ANSWER_CHARACTERS
from schemas.errors import ErrorCode
from schemas.frames import AnyTurnFrame, Completed, Delta, Failed, Started
from schemas.ids import seq_of
from schemas.models_file import OnFault
from schemas.requests import Ask
from store.rows import Checkpoint
from store.sqlite.opening import SqliteStore
from tests.contracts.deadlines import eventually
from tests.flow.dying_workers import NOBODY_DIES, QUICK_DEATH, held_by, hurry
from tests.flow.scripted_door import USAGE, Gate, Said, ScriptedDoor
from tests.flow.topic_readers import answer_in
from tests.flow.worker_stage import Stage, a_request, running_stage


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def a_door(rule: OnFault, *says: Said) -> ScriptedDoor:
    door = ScriptedDoor({"fast": says or [" you."]})
    door.rule_on_takeover = rule
    return door


async def left_behind(stage: Stage, text: str, owner: str | None = None) -> Ask:
    """A turn whose first attempt wrote `text`, and that nobody holds any more; its record is delivered again."""
    request = a_request()
    await stage.store.turns.compare_and_set(held_by("gone", request, owner=owner), None)
    await stage.store.checkpoints.save(request.turn_id, Checkpoint(1, seq_of(1, 3), text, "fast"))
    await stage.ask_again(request)
    return request


def started(frames: list[AnyTurnFrame]) -> Started:
    (frame,) = [frame for frame in frames if isinstance(frame, Started)]
    return frame


async def test_an_answer_goes_on_right_after_the_text_that_was_left_behind(tmp_path: Path) -> None:
    door = a_door(OnFault.CONTINUE)
    async with running_stage(tmp_path, door, NOBODY_DIES) as stage:
        request = await left_behind(stage, "Hello")
        frames = await stage.replies.end_of(request.turn_id)
        assert [frame.text for frame in frames if isinstance(frame, Delta)] == ["Hello", " you."]
        assert started(frames).reason == "moved"
        assert (door.asked[0].kept, door.asked[0].kept_by) == ("Hello", "fast")
        assert (await stage.messages(request))[1].text == answer_in(frames) == "Hello you."


async def test_started_says_whether_the_turn_was_given_back_or_its_worker_died(tmp_path: Path) -> None:
    async with running_stage(tmp_path, a_door(OnFault.CONTINUE), QUICK_DEATH) as stage:
        request = await left_behind(stage, "Hello", owner="dead")
        assert started(await stage.replies.end_of(request.turn_id)).reason == "takeover"
        fresh = await stage.ask()
        assert started(await stage.replies.end_of(fresh.turn_id)).reason is None


async def test_a_worker_watches_the_others_while_it_gets_ready_and_knows_by_then_who_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knows, observe = asyncio.Event(), Liveness.observe

    def observe_and_be_seen(liveness: Liveness, counters: dict[str, int], now: float) -> None:
        observe(liveness, counters, now)
        if liveness.is_dead("dead"):
            knows.set()

    async def getting_ready(store: SqliteStore) -> None:
        await store.heartbeats.beat("dead", 7)
        async with asyncio.timeout(10):
            await knows.wait()
        monkeypatch.setattr(Liveness, "observe", lambda *_: None)  # what it knows by now has to do

    monkeypatch.setattr(Liveness, "observe", observe_and_be_seen)
    async with running_stage(tmp_path, a_door(OnFault.CONTINUE), QUICK_DEATH, getting_ready=getting_ready) as stage:
        request = await left_behind(stage, "Hello", owner="dead")
        assert started(await stage.replies.end_of(request.turn_id)).reason == "takeover"


async def test_a_model_that_cannot_go_on_answers_from_the_beginning_and_shows_nothing_old(tmp_path: Path) -> None:
    door = a_door(OnFault.RESTART, "Good morning.")
    async with running_stage(tmp_path, door, NOBODY_DIES) as stage:
        request = await left_behind(stage, "Hello")
        frames = await stage.replies.end_of(request.turn_id)
        assert [frame.text for frame in frames if isinstance(frame, Delta)] == ["Good morning."]
        assert door.asked[0].kept == ""


async def test_an_alias_that_fails_keeps_what_was_left_behind_and_asks_nobody(tmp_path: Path) -> None:
    door = a_door(OnFault.FAIL)
    async with running_stage(tmp_path, door, NOBODY_DIES) as stage:
        request = await left_behind(stage, "Hello")
        frames = await stage.replies.end_of(request.turn_id)
        failed = frames[-1]
        assert isinstance(failed, Failed)
        assert (failed.code, door.asked) == (ErrorCode.ANSWER_CUT_OFF, [])
        assert (await stage.messages(request))[1].text == answer_in(frames) == "Hello"


async def test_an_alias_that_fails_still_answers_a_turn_of_which_nothing_was_written(tmp_path: Path) -> None:
    async with running_stage(tmp_path, a_door(OnFault.FAIL, "Hello."), NOBODY_DIES) as stage:
        request = await left_behind(stage, "")
        assert answer_in(await stage.replies.end_of(request.turn_id)) == "Hello."


async def test_what_was_taken_over_is_kept_for_the_next_takeover_before_the_model_says_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "CHECKPOINT_SECONDS", 60)
    gate = Gate()
    long = "x" * (2 * MAX_DELTA_CHARACTERS + 1)
    async with running_stage(tmp_path, a_door(OnFault.CONTINUE, gate, " you."), NOBODY_DIES) as stage:
        request = await left_behind(stage, long)
        await gate.wait_for_model()

        async def is_saved() -> bool:
            newest = await stage.store.checkpoints.newest(request.turn_id)
            return newest is not None and (newest.attempt, newest.text) == (2, long)

        await eventually(is_saved)
        gate.open()
        frames = await stage.replies.end_of(request.turn_id)
        assert answer_in(frames) == long + " you."
        assert all(len(frame.text) <= MAX_DELTA_CHARACTERS for frame in frames if isinstance(frame, Delta))


async def test_text_that_was_taken_over_is_no_output_of_the_attempt_that_goes_on(tmp_path: Path) -> None:
    gate = Gate()
    async with running_stage(tmp_path, a_door(OnFault.CONTINUE, " you", gate), NOBODY_DIES) as stage:
        request = await left_behind(stage, "Hello my dear")
        await gate.wait_for_model()
        await stage.ask_to_stop(request)
        await stage.replies.end_of(request.turn_id)
        dead, stopped = await stage.bills(request, at_least=2)
        assert dead.output_tokens == estimate_tokens("Hello my dear")
        assert stopped.output_tokens == estimate_tokens(" you")
        assert stopped.input_tokens == dead.input_tokens + estimate_tokens("Hello my dear")


async def test_the_provider_of_the_continuation_says_what_it_cost(tmp_path: Path) -> None:
    async with running_stage(tmp_path, a_door(OnFault.CONTINUE), NOBODY_DIES) as stage:
        request = await left_behind(stage, "Hello")
        await stage.replies.end_of(request.turn_id)
        _, bill = await stage.bills(request, at_least=2)
        assert (bill.input_tokens, bill.output_tokens) == (USAGE.input_tokens, USAGE.output_tokens)


async def test_an_answer_that_is_as_long_as_answers_may_be_ends_without_asking(tmp_path: Path) -> None:
    door = a_door(OnFault.CONTINUE)
    async with running_stage(tmp_path, door, NOBODY_DIES) as stage:
        request = await left_behind(stage, "x" * MAX_ANSWER_CHARACTERS)
        completed = (await stage.replies.end_of(request.turn_id))[-1]
        assert isinstance(completed, Completed)
        assert (completed.finish_reason, door.asked) == ("length", [])


async def test_a_turn_that_is_given_back_leaves_all_behind_that_its_model_said(tmp_path: Path) -> None:
    gate = Gate()
    slow_frames = NOBODY_DIES.model_copy(update={"merge_ms": 60_000})
    async with running_stage(tmp_path, a_door(OnFault.CONTINUE, "Hello", " you", gate), slow_frames) as leaver:
        request = await leaver.ask()
        await gate.wait_for_model()
        await leaver.replies.shown(request.turn_id, "Hello")
        await leaver.worker.drain()
        newest = await leaver.store.checkpoints.newest(request.turn_id)
        assert newest is not None and newest.text == "Hello you"
        await leaver.replies.shown(request.turn_id, "Hello you")


@pytest.mark.parametrize("rule", [OnFault.CONTINUE, OnFault.RESTART])
async def test_two_takeovers_in_a_row_go_on_from_all_that_was_shown(tmp_path: Path, rule: OnFault) -> None:
    first, second = a_door(rule, " two", Gate()), a_door(rule, " three")
    async with running_stage(tmp_path, second, NOBODY_DIES) as taker:
        async with running_stage(tmp_path, first, NOBODY_DIES) as leaver:
            request = await left_behind(leaver, "one")
            shown = "one two" if rule is OnFault.CONTINUE else " two"
            await leaver.replies.shown(request.turn_id, shown)
        await taker.ask_again(request)
        frames = await taker.replies.end_of(request.turn_id)
        assert answer_in(frames) == ("one two three" if rule is OnFault.CONTINUE else " three")
