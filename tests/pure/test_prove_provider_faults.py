"""Which of a practice provider's calls count as a fault, and as which."""

from itertools import islice

import pytest

from infra.practice_provider.script import parse_script, steps
from infra.practice_provider.words import answer_tokens
from infra.prove.collecting.provider_calls import faults_in, newest_question
from infra.prove.events import Call, FaultBegan
from infra.prove.open_turns import whole_answer
from infra.prove.practice_models import DEPLOYMENTS, WEIGHTS


def fault_of(model: str, ended: str, tokens_sent: int = 0) -> str | None:
    call = Call(at=1, call_id="c", model=model, question="?", tokens_sent=tokens_sent, ended=ended, closed_at=3)
    began = [event for event in faults_in(call, "turn") if isinstance(event, FaultBegan)]
    assert all((event.at, event.target, event.turns) == (3, "c", ("turn",)) for event in began)
    return began[0].fault if began else None


@pytest.mark.parametrize(
    ("model", "ended", "tokens_sent", "fault"),
    [
        ("practice-9x1-429", "refused", 0, "provider_429"),
        ("practice-9x1-500", "refused", 0, "provider_500"),
        ("practice-9x1-reset0", "reset", 0, "provider_reset_before_first_token"),
        ("practice-9x1-reset4", "reset", 4, "provider_reset_after_first_token"),
        ("practice-9x1-stall4", "stalled", 4, "provider_stall"),
        ("practice-9x1-truncate4", "truncated", 4, "provider_truncation"),
        ("practice-9x1-garbage4", "completed", 8, "provider_garbage"),
        ("practice-9x1-endless", "client_closed", 99, "provider_endless"),
        ("practice-9x1-empty", "completed", 0, "provider_zero_tokens"),
    ],
)
def test_a_scripted_fault_that_happened_is_told(model: str, ended: str, tokens_sent: int, fault: str) -> None:
    assert fault_of(model, ended, tokens_sent) == fault


@pytest.mark.parametrize(
    ("model", "ended"),
    [
        ("practice-9x1", "completed"),
        ("practice-9x1", "client_closed"),
        ("practice-9x1-reset4", "client_closed"),
        ("practice-9x1-stall4", "client_closed"),
        ("practice-9x1-garbage4", "client_closed"),
        ("gpt-5", "completed"),
    ],
)
def test_a_call_that_went_well_or_was_left_before_its_fault_is_none(model: str, ended: str) -> None:
    assert fault_of(model, ended, tokens_sent=2) is None


def test_the_newest_question_is_the_users_last_whatever_follows_it() -> None:
    parts = [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]
    messages = [
        {"role": "user", "content": "a"},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "so far"},
    ]
    assert newest_question(messages) == "bc"
    assert newest_question([]) == ""


def test_the_last_word_of_an_answer_is_known_from_its_beginning() -> None:
    script = parse_script(DEPLOYMENTS["quick"])
    said = "".join(step.text for step in steps(script, islice(answer_tokens(17), script.tokens)))
    assert whole_answer("quick", "Answer 17: tr") == said
    assert whole_answer("quick", "Answer 1") is None
    assert whole_answer("endless", "Answer 17: river") is None


def test_every_model_that_people_ask_for_is_served() -> None:
    assert WEIGHTS.keys() == DEPLOYMENTS.keys()
