"""The practice provider's rate limit: a bucket for each model name, and what providers tell of theirs."""

import pytest

from infra.practice_provider.allowances import Allowance, Allowances
from infra.practice_provider.script import UnknownScript, parse_script


def taken(allowance: Allowance, now: float, count: int) -> int:
    return sum(allowance.take(now).is_taken for _ in range(count))


def test_as_many_requests_at_once_as_in_a_second_and_then_at_the_rate() -> None:
    allowance = Allowance(10, now=0)
    assert taken(allowance, 0, 15) == 10
    assert taken(allowance, 0.25, 15) == 2
    assert taken(allowance, 60, 15) == 10, "what was not asked for is not saved up"


def test_a_refusal_says_when_to_come_again_and_how_much_there_is() -> None:
    allowance = Allowance(10, now=0)
    taken(allowance, 0, 10)
    refused = allowance.take(0.05)
    assert not refused.is_taken
    assert refused.headers == {
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "950ms",
        "Retry-After": "1",
    }


def test_an_answer_says_how_much_is_left() -> None:
    allowed = Allowance(10, now=0).take(0)
    assert allowed.headers["x-ratelimit-remaining-requests"] == "9"
    assert "Retry-After" not in allowed.headers


def test_each_model_name_has_its_own_bucket_and_one_without_a_rate_none() -> None:
    allowances = Allowances()
    assert [allowances.take(model, 1, 0).is_taken for model in ("a", "a", "b")] == [True, False, True]
    assert [allowances.take("c", None, 0).headers for _ in range(3)] == [{}, {}, {}]


def test_the_rate_stands_in_the_name_and_is_not_zero() -> None:
    assert parse_script("practice-8x5-rate10-ttft5").rate == 10
    assert parse_script("practice-8x5").rate is None
    with pytest.raises(UnknownScript):
        parse_script("practice-8x5-rate0")
