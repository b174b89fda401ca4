"""Stopping by request id over a real socket, before anybody knows whether the request becomes a turn."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from producers.errors import NotAttempted
from schemas.control import StopAsked
from schemas.ids import new_id, turn_id_of
from tests.flow.running_edge import Person, Stage, stage, until


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as running:
        yield running


async def send_and_stop(person: Person, **fields: Any) -> str:
    """Asks, and stops it before the answer; the id of the turn that it would become."""
    ids = {"request_id": new_id(), "conversation_id": new_id()}
    await person.say(type="send", text="Why?", **ids, **fields)
    await person.say(type="stop", **ids)
    return turn_id_of(person.user_id, ids["conversation_id"], ids["request_id"])


async def test_a_stop_before_accepted_takes_hold_once_it_is_accepted(scene: Stage) -> None:
    async with scene.person() as person:
        scene.requests.let_through.clear()
        turn_id = await send_and_stop(person)
        await person.hears_nothing_more()
        assert scene.control.notices == []
        scene.requests.let_through.set()
        await person.hear_all("accepted", "asked")
        await until(lambda: scene.control.notices == [StopAsked(turn_id=turn_id)] * 2)
        row = await scene.store.turns.load(turn_id)
        assert row is not None
        assert row.stop


async def test_a_stop_is_not_held_up_by_the_questions_of_other_conversations(scene: Stage) -> None:
    async with scene.person() as person:
        scene.requests.let_through.clear()
        await person.say(type="send", text="Why?", request_id=new_id(), conversation_id=new_id())
        await person.say(type="stop", request_id=new_id(), conversation_id=new_id())
        assert (await person.hear("error"))["code"] == "unknown_turn"
        scene.requests.let_through.set()


@pytest.mark.parametrize(
    ("parent_id", "full"), [(new_id(), None), (None, NotAttempted("full"))], ids=["unknown parent", "broker full"]
)
async def test_a_stop_of_a_question_that_is_refused_leaves_no_turn_behind(
    scene: Stage, parent_id: str | None, full: Exception | None
) -> None:
    async with scene.person() as person:
        scene.requests.fail_with = full
        turn_id = await send_and_stop(person, parent_id=parent_id)
        _, error = await person.hear_all("rejected", "error")
        assert (error["code"], error["frame_type"]) == ("unknown_turn", "stop")
        assert await scene.store.turns.load(turn_id) is None
        assert scene.control.notices == []
