"""A question answered again, through everything: edge, journal, log, worker, history, and back to the client."""

from tests.whole.answering_again import have_answered_again


async def test_a_question_has_as_many_answers_as_were_asked_for_and_the_next_goes_on_from_the_last(edge: str) -> None:
    await have_answered_again(edge, "regenerating")
