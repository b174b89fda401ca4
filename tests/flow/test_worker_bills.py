"""One bill for each attempt, however it went, and history adds up to them (G5)."""

from pathlib import Path

import pytest

from consumers.context import estimate_tokens
from consumers.endings import NO_USAGE
from schemas.ids import seq_of
from schemas.parts import Usage
from schemas.requests import Ask
from store.rows import Checkpoint
from tests.flow.dying_workers import NOBODY_DIES, QUICK_DEATH, held_by, hurry
from tests.flow.scripted_door import USAGE, Gate, ScriptedDoor
from tests.flow.worker_stage import Stage, a_request, running_stage


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def hello() -> ScriptedDoor:
    return ScriptedDoor({"fast": ["Hello", " you."]})


async def billed(stage: Stage, request: Ask, attempts: int) -> list[Usage]:
    """The bills by attempt, once each; history says the same in all."""
    await stage.replies.end_of(request.turn_id)
    bills = await stage.bills(request, at_least=attempts)
    assert [bill.attempt for bill in bills] == list(range(1, attempts + 1))
    said = [Usage(bill.input_tokens, bill.output_tokens, bill.estimated) for bill in bills]
    total = (await stage.messages(request))[1].usage
    assert total is not None
    assert total.input_tokens == sum(usage.input_tokens for usage in said)
    assert total.output_tokens == sum(usage.output_tokens for usage in said)
    return said


async def test_every_dead_attempt_is_billed_whether_or_not_it_left_a_text_behind(tmp_path: Path) -> None:
    async with running_stage(tmp_path, hello(), QUICK_DEATH) as stage:
        request = a_request()
        await stage.store.turns.compare_and_set(held_by("dead", request, attempt=3), None)
        await stage.store.checkpoints.save(request.turn_id, Checkpoint(3, seq_of(3, 3), "Half an ans", "fast"))
        await stage.ask_again(request)
        first, second, third, last = await billed(stage, request, 4)
        assert first == second == Usage(third.input_tokens, 0, estimated=True)
        assert third.input_tokens > 0
        assert (third.output_tokens, third.estimated) == (estimate_tokens("Half an ans"), True)
        assert last == USAGE


async def test_an_attempt_that_only_ends_the_turn_costs_nothing_and_the_dead_one_before_it_its_input(
    tmp_path: Path,
) -> None:
    async with running_stage(tmp_path, hello(), QUICK_DEATH) as stage:
        request = a_request("A question of some length")
        await stage.store.turns.compare_and_set(held_by("dead", request, stop=True), None)
        await stage.ask_again(request)
        dead, stopping = await billed(stage, request, 2)
        assert dead.input_tokens > estimate_tokens(request.text)
        assert (dead.output_tokens, dead.estimated, stopping) == (0, True, NO_USAGE)


async def test_an_attempt_that_was_given_back_in_mid_stream_is_billed_by_itself(tmp_path: Path) -> None:
    slow = ScriptedDoor({"fast": ["Hello", Gate(), " never"]})
    async with running_stage(tmp_path, hello(), NOBODY_DIES) as taker:
        async with running_stage(tmp_path, slow, NOBODY_DIES) as leaver:
            request = await leaver.ask()
            await leaver.replies.shown(request.turn_id, "Hello")
        released = await taker.store.turns.load(request.turn_id)
        assert released is not None
        own = released.usage_by_attempt[1]
        assert (own.output_tokens, own.estimated) == (estimate_tokens("Hello"), True)
        # The taker's guess would be another one.
        await taker.store.checkpoints.save(request.turn_id, Checkpoint(1, seq_of(1, 9), "Hello, and far more", "fast"))
        await taker.ask_again(request)
        assert await billed(taker, request, 2) == [own, USAGE]
