"""Turns whose provider takes no more wait, and say so. They can be stopped, given back and timed out meanwhile."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from consumers.llm.gates import Reason, Standing
from consumers.llm.pieces import EverythingBusy, Switch, Told
from consumers.llm.questions import Question
from schemas.errors import ErrorCode
from schemas.frames import Completed, Failed, Started, Stopped
from schemas.requests import Ask
from tests.flow.scripted_door import Said, ScriptedDoor
from tests.flow.topic_readers import answer_in
from tests.flow.worker_stage import FAST_SETTINGS, Stage, running_stage

BUSY = EverythingBusy(ErrorCode.PROVIDER_BUSY, 0.01)


class BusyDoor(ScriptedDoor):
    """While an alias is in `shut`, nobody may ask it; `tries` are the scripts of the first tries of `fast`."""

    def __init__(self, *tries: Sequence[Said]) -> None:
        super().__init__({"fast": ["Hello", " you."], "smart": ["Clever."]})
        self.tries = list(tries)
        self.shut: set[str] = set()
        self.reason: Reason = "rate_limited"
        self.shuts_when_asked = False

    def standing(self, alias: str) -> Standing:
        return Standing(0.02 if alias in self.shut else 0.0, 0.01, self.reason)

    def answer(self, question: Question) -> AsyncGenerator[Told, None]:
        self.shut |= {"fast"} if self.shuts_when_asked else set()
        self.scripts["fast"] = self.tries.pop(0) if self.tries else ["Hello", " you."]
        return super().answer(question)


@pytest.fixture
def door() -> BusyDoor:
    return BusyDoor()


async def until_it_waits(stage: Stage, request: Ask) -> None:
    await stage.replies.until(lambda: stage.replies.queued(request.turn_id))


async def test_a_turn_that_nobody_takes_is_told_to_wait_and_asks_again(tmp_path: Path) -> None:
    door = BusyDoor([BUSY], [BUSY])
    async with running_stage(tmp_path, door) as stage:
        request = await stage.ask()
        frames = await stage.replies.end_of(request.turn_id)
        assert isinstance(frames[-1], Completed)
        assert answer_in(frames) == "Hello you."
        assert len(door.asked) == 3
        assert [(bill.attempt, bill.estimated) for bill in await stage.bills(request)] == [(1, False)]


async def test_a_turn_that_comes_while_nobody_may_ask_is_queued_before_it_starts(
    tmp_path: Path, door: BusyDoor
) -> None:
    door.shut = {"fast"}
    async with running_stage(tmp_path, door) as stage:
        request = await stage.ask()
        await until_it_waits(stage, request)
        queued = stage.replies.queued(request.turn_id)[0]
        assert (queued.attempt, queued.position, queued.reason) == (1, 1, "rate_limited")
        assert stage.replies.frames(request.turn_id) == []
        assert door.asked == []
        door.shut = set()
        frames = await stage.replies.end_of(request.turn_id)
        assert isinstance(frames[0], Started)
        assert isinstance(frames[-1], Completed)


async def test_a_waiting_turn_takes_no_slot_from_turns_of_other_models(tmp_path: Path, door: BusyDoor) -> None:
    door.shut = {"fast"}
    one_slot = FAST_SETTINGS.model_copy(update={"max_running": 1})
    async with running_stage(tmp_path, door, one_slot) as stage:
        waiting = await stage.ask()
        await until_it_waits(stage, waiting)
        other = await stage.ask(model="smart")
        assert answer_in(await stage.replies.end_of(other.turn_id)) == "Clever."
        door.shut = set()
        await stage.replies.end_of(waiting.turn_id)


async def test_turns_of_a_conversation_keep_their_order_behind_a_waiting_one(tmp_path: Path, door: BusyDoor) -> None:
    door.shut = {"fast"}
    async with running_stage(tmp_path, door) as stage:
        first = await stage.ask()
        second = await stage.ask(model="smart", conversation_id=first.conversation_id)
        await until_it_waits(stage, first)
        door.shut = set()
        await stage.replies.end_of(second.turn_id)
        assert [question.alias for question in door.asked] == ["fast", "smart"]
        assert [message.text for message in await stage.messages(second)][1::2] == ["Hello you.", "Clever."]


async def test_a_fault_in_the_middle_with_nobody_left_waits_and_goes_on_from_what_is_shown(tmp_path: Path) -> None:
    broken_off = EverythingBusy(ErrorCode.PROVIDER_BUSY, 0.01, failed=frozenset({"a deployment"}))
    broken_off.broken_off = ErrorCode.PROVIDER_FAILED
    switch = Switch(5, "fast", "fast", ErrorCode.PROVIDER_FAILED)
    door = BusyDoor(["Hello", broken_off], [switch, " again."])
    async with running_stage(tmp_path, door) as stage:
        request = await stage.ask()
        frames = await stage.replies.end_of(request.turn_id)
        assert (await stage.messages(request))[1].text == "Hello again."
        assert isinstance(frames[-1], Completed)
        assert stage.replies.queued(request.turn_id)
        first, again = door.asked
        assert (first.kept, again.kept, again.broken_off) == ("", "Hello", ErrorCode.PROVIDER_FAILED)
        assert again.avoid == {"a deployment"}


async def test_a_stop_ends_a_waiting_turn_at_once_and_nobody_was_asked(tmp_path: Path, door: BusyDoor) -> None:
    door.shut = {"fast"}
    async with running_stage(tmp_path, door) as stage:
        request = await stage.ask()
        await until_it_waits(stage, request)
        await stage.ask_to_stop(request)
        started, stopped = await stage.replies.end_of(request.turn_id)
        assert isinstance(started, Started)
        assert isinstance(stopped, Stopped)
        assert stopped.usage.input_tokens == 0
        assert door.asked == []
        await stage.until_committed(1)


async def test_a_drain_gives_waiting_turns_back_at_once(tmp_path: Path, door: BusyDoor) -> None:
    door.shut = {"fast"}
    patient = FAST_SETTINGS.model_copy(update={"drain_seconds": 60})
    async with running_stage(tmp_path, door, patient) as stage:
        request = await stage.ask()
        await until_it_waits(stage, request)
        async with asyncio.timeout(10):
            await stage.worker.drain()
        row = await stage.store.turns.load(request.turn_id)
        assert row is not None
        assert (row.is_ended, row.owner) == (False, None)


@pytest.mark.parametrize("has_asked", [False, True])
async def test_a_turn_waits_until_its_deadline_and_then_fails_as_busy(tmp_path: Path, has_asked: bool) -> None:
    door = BusyDoor([BUSY])
    door.shuts_when_asked, door.shut = True, set() if has_asked else {"fast"}
    async with running_stage(tmp_path, door, FAST_SETTINGS.model_copy(update={"turn_seconds": 0.8})) as stage:
        request = await stage.ask()
        failed = (await stage.replies.end_of(request.turn_id))[-1]
        assert isinstance(failed, Failed)
        assert (failed.code, failed.temporary) == (ErrorCode.PROVIDER_BUSY, True)
        assert len(door.asked) == has_asked


async def test_a_turn_that_would_have_to_wait_beyond_its_deadline_fails_at_once(tmp_path: Path) -> None:
    door = BusyDoor([EverythingBusy(ErrorCode.PROVIDER_BUSY, 86_400, failed=frozenset({"a deployment"}))])
    async with running_stage(tmp_path, door) as stage:
        request = await stage.ask()
        failed = (await stage.replies.end_of(request.turn_id))[-1]
        assert isinstance(failed, Failed)
        assert failed.code is ErrorCode.PROVIDER_BUSY


async def test_where_no_provider_works_a_turn_waits_for_a_while_and_fails(tmp_path: Path, door: BusyDoor) -> None:
    door.shut, door.reason = {"fast"}, "provider_down"
    impatient = FAST_SETTINGS.model_copy(update={"provider_down_seconds": 0.2})
    async with running_stage(tmp_path, door, impatient) as stage:
        request = await stage.ask()
        failed = (await stage.replies.end_of(request.turn_id))[-1]
        assert isinstance(failed, Failed)
        assert failed.code is ErrorCode.PROVIDER_FAILED
        assert stage.replies.queued(request.turn_id)[0].reason == "provider_down"
