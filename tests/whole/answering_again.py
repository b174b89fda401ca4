"""One person who has a question answered again and again, on whatever edge: what history says in the end."""

import asyncio

from tests.whole.people import assert_seen_is_stored, person

ASKED_AGAIN = 5


async def have_answered_again(edge: str, name: str) -> None:
    """Each answer is a sibling of the first, in the order asked for, and the next question goes on from the last."""
    async with person(edge, name) as someone:
        first = await someone.ask("Before", "fast")
        asked = await someone.ask("Which one?", "fast")
        assert asked.question_id is not None
        handles = [
            someone.client.regenerate(someone.conversation_id, asked.question_id, "fast") for _ in range(ASKED_AGAIN)
        ]
        again = await asyncio.gather(*(handle.ended() for handle in handles))
        after = await someone.ask("After", "fast")
        await assert_seen_is_stored(someone, [first, asked, *again, after])
        messages = (await someone.rest.messages(someone.conversation_id, limit=100)).messages
        assert [row.text for row in messages if row.role == "user"] == ["Before", "Which one?", "After"]
        siblings = [row.id for row in messages if row.parent_id == asked.question_id]
        assert siblings == [turn.answer_id for turn in [asked, *again]]
        [newest_question] = [row for row in messages if row.text == "After"]
        assert newest_question.parent_id == siblings[-1]
