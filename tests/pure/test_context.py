"""What a model is shown: never more than its budget, always the question last, never an answer first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.context import QuestionTooLong, build_context, estimate_tokens, path_to
from schemas.statuses import TurnStatus
from store.rows import MessageRow

TEXTS = st.text(max_size=60)


def message(role: str, text: str, message_id: str = "m", parent_id: str | None = None) -> MessageRow:
    return MessageRow(message_id=message_id, role=role, text=text, created_at_ms=0, parent_id=parent_id)


@st.composite
def paths(draw: st.DrawFn) -> list[MessageRow]:
    """Questions and answers in turn; failed answers are empty."""
    texts = draw(st.lists(TEXTS, max_size=12))
    return [message("user" if n % 2 == 0 else "assistant", text) for n, text in enumerate(texts)]


def cost(messages: list[dict[str, str]]) -> int:
    return sum(estimate_tokens(message["content"]) + 4 for message in messages)


@given(system=st.none() | TEXTS, path=paths(), question=TEXTS, budget=st.integers(1, 300))
def test_a_context_is_system_then_the_newest_whole_exchanges_then_the_question(
    system: str | None, path: list[MessageRow], question: str, budget: int
) -> None:
    try:
        context = build_context(system, path, question, budget)
    except QuestionTooLong:
        opening = [{"content": system}] if system else []
        assert cost([*opening, {"content": question}]) > budget
        return
    assert context.messages[-1] == {"role": "user", "content": question}
    assert context.input_tokens == cost(context.messages) <= budget
    said = context.messages[1:-1] if system else context.messages[:-1]
    if system:
        assert context.messages[0] == {"role": "system", "content": system}
    assert [m["role"] for m in said][:1] in ([], ["user"])
    assert all(m["content"] for m in said)
    if all(row.text for row in path):
        everything = [{"role": row.role, "content": row.text} for row in path]
        assert said == everything[len(everything) - len(said) :]
    assert context.dropped == len(path) - len(said)


def test_with_room_for_all_nothing_is_dropped() -> None:
    path = [message("user", "one"), message("assistant", "two")]
    context = build_context("be brief", path, "three", 1_000)
    assert [m["content"] for m in context.messages] == ["be brief", "one", "two", "three"]
    assert context.dropped == 0


def test_a_question_of_exactly_the_budget_fits() -> None:
    assert build_context(None, [], "x" * 30, 14).input_tokens == 14
    with pytest.raises(QuestionTooLong):
        build_context(None, [], "x" * 31, 14)


def test_unpaired_surrogates_have_a_cost_too() -> None:
    assert estimate_tokens("\ud800") == 1


def test_a_question_that_was_too_long_to_answer_does_not_push_out_what_came_before() -> None:
    path = [
        message("user", "Who are you?"),
        message("assistant", "Your helper."),
        message("user", "x" * 3_000),
        MessageRow(message_id="a", role="assistant", text="", created_at_ms=0, status=TurnStatus.FAILED),
    ]
    context = build_context(None, path, "And now?", 100)
    assert [m["content"] for m in context.messages] == ["Who are you?", "Your helper.", "And now?"]


def test_a_question_without_an_answer_is_still_shown_when_it_fits() -> None:
    path = [
        message("user", "What is 2 + 2?"),
        MessageRow(message_id="a", role="assistant", text="", created_at_ms=0, status=TurnStatus.FAILED),
    ]
    context = build_context(None, path, "Try again.", 100)
    assert [m["content"] for m in context.messages] == ["What is 2 + 2?", "Try again."]


def test_a_path_follows_the_parents_of_one_branch_only() -> None:
    rows = [
        message("user", "q1", "1"),
        message("assistant", "a1", "2", "1"),
        message("assistant", "a1 again", "3", "1"),
        message("user", "q2", "4", "2"),
    ]
    assert [row.message_id for row in path_to("4", rows)] == ["1", "2", "4"]
    assert [row.message_id for row in path_to("3", reversed(rows))] == ["1", "3"]
    assert path_to("unknown", rows) == []
    assert path_to(None, rows) == []


def test_parents_in_a_circle_end() -> None:
    rows = [message("user", "a", "1", "2"), message("user", "b", "2", "1")]
    assert [row.message_id for row in path_to("1", rows)] == ["2", "1"]
