"""A bug of ours ends the turn it happens in, visibly and after few attempts; it never blocks a conversation (G2)."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from consumers import answering
from consumers.llm.pieces import End, Piece
from consumers.llm.questions import Question
from schemas.errors import ErrorCode
from schemas.frames import Failed
from schemas.ids import attempt_of
from tests.contracts.deadlines import eventually
from tests.flow.scripted_door import Gate, ScriptedDoor
from tests.flow.worker_stage import running_stage


class BuggyDoor(ScriptedDoor):
    """Breaks where the alias says, as a bug would: with an exception that nobody expects."""

    def budget_tokens(self, alias: str) -> int:
        if alias == "breaks-before":
            raise ZeroDivisionError
        return super().budget_tokens(alias)

    async def answer(self, question: Question) -> AsyncGenerator[Piece | End, None]:
        async for piece in super().answer(question):
            if question.alias == "breaks-amid":
                raise ZeroDivisionError
            yield piece


@pytest.mark.parametrize("alias", ["breaks-before", "breaks-amid"])
async def test_a_turn_that_meets_a_bug_fails_after_few_attempts_and_the_next_one_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alias: str
) -> None:
    monkeypatch.setattr(answering, "PAUSE_AFTER_A_BUG_SECONDS", 0.01)
    door = BuggyDoor({alias: ["Hello"], "fast": ["Hello"]})
    async with running_stage(tmp_path, door) as stage:
        broken = await stage.ask(model=alias)
        fine = await stage.ask(model="fast", conversation_id=broken.conversation_id)
        end = (await stage.replies.end_of(broken.turn_id))[-1]
        assert isinstance(end, Failed)
        assert end.code is ErrorCode.INTERNAL
        assert attempt_of(end.seq) == 3
        assert (await stage.replies.end_of(fine.turn_id))[-1].__struct_config__.tag == "completed"


async def test_a_past_that_cannot_be_read_fails_the_turn_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "PAUSE_AFTER_A_BUG_SECONDS", 0.01)

    async def broken(*_: object) -> None:
        raise ValueError("a row that can't be decoded")

    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello"]})) as stage:
        monkeypatch.setattr(stage.worker._history, "path", broken)
        request = await stage.ask()
        end = (await stage.replies.end_of(request.turn_id))[-1]
        assert isinstance(end, Failed)
        assert end.code is ErrorCode.INTERNAL


async def test_a_claim_is_given_back_when_the_partition_goes_after_a_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "PAUSE_AFTER_A_BUG_SECONDS", 0.3)
    async with running_stage(tmp_path, BuggyDoor({"breaks-before": []})) as stage:
        request = await stage.ask(model="breaks-before")
        turns, running = stage.store.turns, stage.worker._running

        async def is_claimed() -> bool:
            return await turns.load(request.turn_id) is not None

        async def is_given_back() -> bool:
            row = await turns.load(request.turn_id)
            return row is not None and row.owner is None and len(running) == 0

        await eventually(is_claimed)
        running.release_all(only_before_provider=True)
        await eventually(is_given_back)


async def test_a_redelivered_interrupting_turn_does_not_stop_itself(tmp_path: Path) -> None:
    gate = Gate()
    async with running_stage(tmp_path, ScriptedDoor({"fast": ["Hello ", gate, "world"]})) as stage:
        request = await stage.ask(on_busy="interrupt")
        await gate.wait_for_model()
        await stage.ask_again(request)
        await eventually(lambda: _is_true(stage.worker._dispatcher.waiting_count == 1))
        gate.open()
        assert (await stage.replies.end_of(request.turn_id))[-1].__struct_config__.tag == "completed"


async def _is_true(condition: bool) -> bool:
    return condition
