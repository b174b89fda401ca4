"""`regenerate` over a real socket: only a question of this very conversation is answered again."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from schemas.ids import new_id, turn_id_of
from schemas.requests import AskAgain
from store.rows import MessageRow
from tests.edge_turns import Turn
from tests.flow.running_edge import Person, Stage, stage

CONVERSATION, QUESTION, ANSWER = new_id(), new_id(), new_id()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as running:
        await stored(running, running.user_id("asha"))
        yield running


async def stored(scene: Stage, user_id: str) -> None:
    rows = [
        MessageRow(message_id=QUESTION, role="user", text="Why?", created_at_ms=1, parent_id=None, turn_id=new_id()),
        MessageRow(message_id=ANSWER, role="assistant", text="So.", created_at_ms=2, parent_id=QUESTION),
    ]
    await scene.store.messages.append(user_id, CONVERSATION, rows, 2)
    await scene.store.conversations.touch(user_id, CONVERSATION, leaf=ANSWER, updated_at_ms=2, title_if_none="Why?")


def again(**fields: Any) -> dict[str, Any]:
    ids = {"request_id": new_id(), "conversation_id": CONVERSATION, "message_id": QUESTION}
    return {"type": "regenerate"} | ids | fields


async def refusal(person: Person, frame: dict[str, Any]) -> tuple[str, bool]:
    await person.say(**frame)
    rejected = await person.hear("rejected")
    assert rejected["request_id"] == frame["request_id"]
    return rejected["code"], rejected["temporary"]


async def test_a_stored_question_is_asked_again_and_shown_to_all_with_its_id(scene: Stage) -> None:
    async with scene.person() as person, scene.person() as phone:
        await phone.say(type="watch", conversation_id=CONVERSATION)
        await phone.hear("watching")
        frame = again(model="smart")
        await person.say(**frame)
        accepted = await person.hear("accepted")
        (request,) = scene.requests.asked
        assert isinstance(request, AskAgain)
        turn_id = turn_id_of(person.user_id, CONVERSATION, frame["request_id"])
        assert accepted == {"type": "accepted", "request_id": frame["request_id"], "turn_id": turn_id}
        assert (request.turn_id, request.question_id, request.text) == (turn_id, QUESTION, "Why?")
        assert (request.parent_id, request.model, request.on_busy, request.version) == (None, "smart", "queue", 2)
        for hearing in (person, phone):
            asked = await hearing.hear("asked")
            assert (asked["turn_id"], asked["seq"]) == (turn_id, 0)
            assert asked["user_message"] == {"text": "Why?", "id": QUESTION}


async def test_the_same_request_again_is_accepted_again_and_produced_once(scene: Stage) -> None:
    async with scene.person() as person:
        frame = again()
        await person.say(**frame)
        accepted, _ = await person.hear_all("accepted", "asked")
        await person.say(**frame)
        assert (await person.hear_all("accepted", "snapshot"))[0] == accepted
        assert len(scene.requests.asked) == 1


async def test_it_queues_behind_a_running_turn_and_may_name_that_turns_question(scene: Stage) -> None:
    async with scene.person() as person:
        running = Turn(person.user_id, CONVERSATION, question="And then?")
        started = running.started()
        scene.publish(person.user_id, started)
        await person.say(**again(message_id=started.user_message.id))
        await person.hear_all("snapshot", "accepted", "asked")
        (request,) = scene.requests.asked
        assert isinstance(request, AskAgain)
        assert (request.text, request.question_id) == ("And then?", started.user_message.id)


@pytest.mark.parametrize("message_id", [new_id(), ANSWER], ids=["unknown", "an answer"])
async def test_what_is_no_question_can_not_be_answered_again(scene: Stage, message_id: str) -> None:
    async with scene.person() as person:
        assert await refusal(person, again(message_id=message_id)) == ("unknown_question", False)
        assert scene.requests.asked == []


async def test_another_conversations_or_another_users_question_does_not_exist(scene: Stage) -> None:
    async with scene.person() as person, scene.person("ravi") as other:
        assert await refusal(person, again(conversation_id=new_id())) == ("unknown_question", False)
        assert await refusal(other, again()) == ("unknown_question", False)
        assert scene.requests.asked == []


async def test_in_a_deleted_conversation_there_is_nothing_to_answer_again(scene: Stage) -> None:
    async with scene.person() as person:
        await scene.store.conversations.delete(person.user_id, CONVERSATION, 3)
        assert await refusal(person, again()) == ("unknown_question", False)


async def test_without_the_store_nothing_is_asked_and_it_may_be_tried_again(scene: Stage) -> None:
    async with scene.person() as person:
        scene.outage.set()
        frame = again()
        assert await refusal(person, frame) == ("history_unavailable", True)
        scene.outage.clear()
        await person.say(**frame)
        await person.hear_all("accepted", "asked")


async def test_an_unknown_model_is_refused_at_once(scene: Stage) -> None:
    async with scene.person() as person:
        assert await refusal(person, again(model="gpt-4o")) == ("unknown_model", False)
