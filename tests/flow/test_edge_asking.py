"""The accept step over a real socket: what is durable is accepted, once, and everybody sees it asked."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from producers.errors import NotAttempted, OutcomeUnknown, RecordRefused, RecordTooLarge
from schemas.frames import Asked
from schemas.ids import new_id, turn_id_of
from store.rows import MessageRow
from tests.edge_turns import Turn, answer_frames
from tests.flow.running_edge import Person, Stage, stage, until


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as running:
        yield running


def question(**fields: Any) -> dict[str, Any]:
    ids = {"request_id": new_id(), "conversation_id": new_id()}
    return {"type": "send", "text": "Why?"} | ids | fields


def turn_of(person: Person, frame: dict[str, Any]) -> Turn:
    """The turn that a question becomes."""
    turn_id = turn_id_of(person.user_id, frame["conversation_id"], frame["request_id"])
    return Turn(person.user_id, frame["conversation_id"], turn_id, frame["request_id"], question=frame["text"])


async def test_a_question_is_accepted_once_the_broker_has_it_and_then_shown_to_all(scene: Stage) -> None:
    async with scene.person() as person, scene.person() as phone:
        frame = question()
        scene.requests.let_through.clear()
        await phone.say(type="watch", conversation_id=frame["conversation_id"])
        await phone.hear("watching")
        await person.say(**frame)
        await person.hears_nothing_more()
        scene.requests.let_through.set()
        accepted = await person.hear("accepted")
        (request,) = scene.requests.asked
        turn = turn_of(person, frame)
        assert accepted == {"type": "accepted", "request_id": frame["request_id"], "turn_id": turn.turn_id}
        assert (request.turn_id, request.text, request.model) == (turn.turn_id, "Why?", "fast")
        for hearing in (person, phone):
            asked = await hearing.hear("asked")
            assert (asked["seq"], asked["user_message"]["text"]) == (0, "Why?")
        assert [type(published) for _, published in scene.replies.published] == [Asked]


async def test_who_asks_watches_the_conversation(scene: Stage) -> None:
    async with scene.person() as person:
        frame = question()
        await person.say(**frame)
        await person.hear_all("accepted", "asked")
        turn = turn_of(person, frame)
        scene.publish(person.user_id, turn.queued(), *answer_frames(turn, 1))
        await person.hear_all("queued", "started", "delta", "completed")


async def test_who_asks_into_a_running_conversation_sees_what_runs_there(scene: Stage) -> None:
    async with scene.person() as person:
        running = Turn(person.user_id)
        scene.publish(person.user_id, running.started(), running.delta("so far"))
        await person.say(**question(conversation_id=running.conversation_id))
        snapshot = await person.hear("snapshot")
        assert (snapshot["turn_id"], snapshot["text"]) == (running.turn_id, "so far")
        await person.hear_all("accepted", "asked")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"text": ""}, "empty_text"),
        ({"text": "  \n"}, "empty_text"),
        ({"model": "gpt-4o"}, "unknown_model"),
        ({"attachments": ["x"]}, "unsupported"),
        ({"parent_id": new_id()}, "unknown_parent"),
    ],
)
async def test_what_can_not_be_asked_is_rejected_and_nothing_is_produced(
    scene: Stage, fields: dict[str, Any], code: str
) -> None:
    async with scene.person() as person:
        frame = question(**fields)
        await person.say(**frame)
        rejected = await person.hear("rejected")
        assert (rejected["request_id"], rejected["code"]) == (frame["request_id"], code)
        assert scene.requests.asked == []


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (NotAttempted("full", retry_after_ms=1234), "rejected", "overloaded"),
        (RecordTooLarge("too large"), "rejected", "question_too_long"),
        (RecordRefused("no such topic"), "rejected", "internal"),
        (OutcomeUnknown("no answer"), "error", "accept_unknown"),
        (RuntimeError("a bug"), "error", "accept_unknown"),
    ],
)
async def test_rejected_is_said_only_if_nothing_was_produced(
    scene: Stage, error: Exception, kind: str, code: str
) -> None:
    async with scene.person() as person:
        scene.requests.fail_with = error
        frame = question()
        await person.say(**frame)
        answer = await person.hear(kind)
        assert (answer["request_id"], answer["code"]) == (frame["request_id"], code)
        assert answer.get("retry_after_ms") == (1234 if isinstance(error, NotAttempted) else None)
        assert scene.replies.published == []


async def test_after_an_unknown_outcome_the_same_request_is_produced_again(scene: Stage) -> None:
    async with scene.person() as person:
        scene.requests.fail_with = OutcomeUnknown("no answer")
        frame = question()
        await person.say(**frame)
        await person.hear("error")
        scene.requests.fail_with = None
        await person.say(**frame)
        await person.hear_all("accepted", "asked")
        assert len(scene.requests.asked) == 1


@pytest.mark.parametrize("error", [NotAttempted("full", retry_after_ms=1234), RecordRefused("too large")])
async def test_what_may_be_durable_already_is_never_called_rejected(scene: Stage, error: Exception) -> None:
    async with scene.person() as person:
        frame = question()
        for outcome in (OutcomeUnknown("no answer"), error):
            scene.requests.fail_with = outcome
            await person.say(**frame)
            assert (await person.hear("error"))["code"] == "accept_unknown"
        running = Turn(person.user_id, frame["conversation_id"])
        scene.publish(person.user_id, running.started())
        await person.hear("started")
        await person.say(**frame, on_busy="reject")
        assert (await person.hear("error"))["code"] == "accept_unknown"
        scene.requests.fail_with = None
        await person.say(**frame)
        await person.hear_all("accepted", "asked")


async def test_a_request_sent_twice_is_not_rejected_while_it_is_under_way(tmp_path: Path) -> None:
    async with stage(tmp_path, max_errands=1) as scene, scene.person() as person:
        scene.requests.let_through.clear()
        frame = question()
        await person.say(**frame)
        await person.say(**frame)
        assert (await person.hear("error"))["code"] == "accept_unknown"
        scene.requests.let_through.set()
        await person.hear_all("accepted", "asked")


async def test_the_same_request_again_has_one_effect_and_shows_the_turn(scene: Stage) -> None:
    async with scene.person() as person:
        frame = question()
        await person.say(**frame)
        first = await person.hear("accepted")
        await person.hear("asked")
        turn = turn_of(person, frame)
        await person.say(**frame)
        again, snapshot = await person.hear_all("accepted", "snapshot")
        assert (again, snapshot["status"], snapshot["seq"]) == (first, "queued", 0)
        scene.publish(person.user_id, turn.started(), turn.delta("so far"))
        await person.hear_all("started", "delta")
        await person.say(**frame)
        _, snapshot = await person.hear_all("accepted", "snapshot")
        assert (snapshot["status"], snapshot["text"]) == ("running", "so far")
        assert len(scene.requests.asked) == 1


async def test_the_same_request_while_the_first_is_on_its_way_has_one_effect(scene: Stage) -> None:
    async with scene.person() as person, scene.person() as phone:
        scene.requests.let_through.clear()
        frame = question()
        await person.say(**frame)
        await person.say(**frame)
        await person.hears_nothing_more()
        await phone.say(**frame)
        await phone.hears_nothing_more()
        scene.requests.let_through.set()
        await person.hear_all("accepted", "asked", "accepted", "snapshot")
        await phone.hear_all("asked", "accepted", "snapshot")
        assert len(scene.requests.asked) == 1


async def asked_and_answered(scene: Stage, person: Person, pieces: int) -> dict[str, Any]:
    """A question whose turn has ended, in the store and before the person's eyes; the frame that asked it."""
    frame = question()
    await person.say(**frame)
    await person.hear_all("accepted", "asked")
    turn = turn_of(person, frame)
    *before, terminal = answer_frames(turn, pieces)
    await scene.store.turns.compare_and_set(turn.ended_row(terminal), None)
    scene.publish(person.user_id, *before, terminal)
    await person.hear_all("started", *["delta"] * pieces, "completed")
    return frame


async def test_the_same_request_after_the_end_shows_the_stored_answer(scene: Stage) -> None:
    async with scene.person() as person:
        frame = await asked_and_answered(scene, person, pieces=2)
        await person.say(**frame)
        _, snapshot = await person.hear_all("accepted", "snapshot")
        assert (snapshot["status"], snapshot["text"], snapshot["usage"]["output_tokens"]) == ("completed", "w0 w1 ", 5)
        assert len(scene.requests.asked) == 1


async def test_the_same_request_after_the_end_says_so_while_the_store_is_away(scene: Stage) -> None:
    async with scene.person() as person:
        frame = await asked_and_answered(scene, person, pieces=0)
        scene.outage.set()
        await person.say(**frame)
        error, _ = await person.hear_all("error", "accepted")
        assert (error["code"], error["request_id"]) == ("history_unavailable", frame["request_id"])
        scene.outage.clear()
        assert (await person.hear("snapshot"))["status"] == "completed"


async def test_a_question_is_produced_though_its_client_left(scene: Stage) -> None:
    scene.requests.let_through.clear()
    async with scene.person() as person:
        await person.say(**question())
        await person.hears_nothing_more()
        person.socket.transport.abort()
    scene.requests.let_through.set()
    await until(lambda: len(scene.requests.asked) == len(scene.replies.published) == 1)


async def test_questions_of_one_conversation_are_produced_in_their_order(scene: Stage) -> None:
    conversation_id, stored = new_id(), new_id()
    async with scene.person() as person:
        row = MessageRow(message_id=stored, role="user", text="Before.", created_at_ms=1)
        await scene.store.messages.append(person.user_id, conversation_id, [row], 1)
        for number in range(6):
            parent = {"parent_id": stored} if number % 2 == 0 else {}  # these wait for the store first
            await person.say(**question(conversation_id=conversation_id, text=str(number), **parent))
        await until(lambda: len(scene.requests.asked) == 6)
        assert [request.text for request in scene.requests.asked] == list("012345")


async def test_a_session_has_only_so_many_questions_on_their_way(tmp_path: Path) -> None:
    async with stage(tmp_path, max_errands=3) as scene, scene.person() as person, scene.person() as other:
        scene.requests.let_through.clear()
        for _ in range(3):
            await person.say(**question())
        await person.say(**question())
        rejected = await person.hear("rejected")
        assert (rejected["code"], rejected["temporary"], rejected["retry_after_ms"]) == ("overloaded", True, 1000)
        await other.say(**question())
        await other.hears_nothing_more()
        scene.requests.let_through.set()
        await other.hear_all("accepted", "asked")
        await until(lambda: len(scene.requests.asked) == 4)


async def test_a_user_has_only_so_many_open_turns(tmp_path: Path) -> None:
    async with stage(tmp_path, max_open_turns=1) as scene, scene.person() as person, scene.person("ravi") as other:
        first = question()
        await person.say(**first)
        await person.hear_all("accepted", "asked")
        await person.say(**question())
        assert (await person.hear("rejected"))["code"] == "overloaded"
        await other.say(**question())
        await other.hear("accepted")
        scene.publish(person.user_id, *answer_frames(turn_of(person, first), 0))
        await person.hear_all("started", "completed")
        await person.say(**question())
        await person.hear("accepted")


async def test_reject_while_busy_goes_by_what_the_edge_knows(scene: Stage) -> None:
    async with scene.person() as person:
        running = Turn(person.user_id)
        scene.publish(person.user_id, running.started())
        frame = question(conversation_id=running.conversation_id, on_busy="reject")
        await person.say(**frame)
        await person.hear("snapshot")
        assert (await person.hear("rejected"))["code"] == "conversation_busy"
        scene.publish(person.user_id, running.completed())
        await person.hear("completed")
        await person.say(**frame)
        await person.hear("accepted")


async def test_reject_while_busy_knows_what_another_edge_accepted_and_nobody_started(scene: Stage) -> None:
    async with scene.person() as person:
        waiting = Turn(person.user_id)
        scene.publish(person.user_id, waiting.asked())
        frame = question(conversation_id=waiting.conversation_id, on_busy="reject")
        await person.say(**frame)
        await person.hear("snapshot")
        rejected = await person.hear("rejected")
        assert (rejected["request_id"], rejected["code"]) == (frame["request_id"], "conversation_busy")
        assert rejected["temporary"]
        assert scene.requests.asked == []


async def test_of_two_questions_at_once_that_reject_while_busy_one_is_accepted_also_when_asked_again(
    scene: Stage,
) -> None:
    async with scene.person() as person:
        first = question(on_busy="reject")
        second = question(conversation_id=first["conversation_id"], on_busy="reject")
        for frame in (first, second, first):
            await person.say(**frame)
        accepted, _, rejected, again, _ = await person.hear_all("accepted", "asked", "rejected", "accepted", "snapshot")
        assert (rejected["request_id"], rejected["code"]) == (second["request_id"], "conversation_busy")
        assert again == accepted
        assert [request.on_busy for request in scene.requests.asked] == ["reject"]


async def test_a_known_parent_is_accepted_also_while_it_is_being_written_or_the_store_is_away(scene: Stage) -> None:
    async with scene.person() as person:
        running = Turn(person.user_id)
        scene.publish(person.user_id, running.started())
        where = {"conversation_id": running.conversation_id}
        await person.say(**question(parent_id=running.answer_id, **where))
        await person.hear_all("snapshot", "accepted", "asked")
        scene.outage.set()
        await person.say(**question(parent_id=new_id(), **where))
        await person.hear_all("accepted", "asked")


async def test_more_conversations_than_may_be_watched_can_not_be_asked_in(tmp_path: Path) -> None:
    async with stage(tmp_path, max_watched=1) as scene, scene.person() as person:
        first = question()
        await person.say(**first)
        await person.hear_all("accepted", "asked")
        await person.say(**question())
        assert (await person.hear("rejected"))["code"] == "too_many_watched"
        await person.say(**question(conversation_id=first["conversation_id"]))
        await person.hear_all("accepted", "asked")
        await person.say(type="unwatch", conversation_id=first["conversation_id"])
        await person.say(**question())
        await person.hear_all("accepted", "asked")
