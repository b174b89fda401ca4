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
from tests.flow.scripted_door import ScriptedDoor
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
