"""Providers that fail: before the first token nobody notices, after it the answer says so and keeps its text."""

import json

from tests.whole.people import assert_seen_is_stored, person


async def test_a_busy_deployment_is_left_for_the_next_and_only_that_ones_answer_is_seen(edge: str) -> None:
    async with person(edge, "rescued") as someone:
        turn = await someone.ask("hello", "rescued")
        assert str(turn.status) == "completed"
        assert turn.usage is not None and turn.usage.output_tokens == 6
        await assert_seen_is_stored(someone, [turn])


async def test_a_reset_in_the_middle_fails_the_turn_and_keeps_the_partial_text(edge: str) -> None:
    async with person(edge, "cut off") as someone:
        turn = await someone.ask("hello", "broken")
        assert (str(turn.status), turn.code) == ("failed", "provider_failed")
        assert len(turn.answer.split()) >= 2
        await assert_seen_is_stored(someone, [turn])


async def test_a_later_question_reaches_the_provider_with_what_was_said_before(edge: str) -> None:
    async with person(edge, "asha") as someone:
        first = await someone.ask("My name is Asha.")
        echoed = await someone.ask("What is my name?", "echo")
        assert [message["content"] for message in json.loads(echoed.answer)] == [
            "My name is Asha.",
            first.answer,
            "What is my name?",
        ]
