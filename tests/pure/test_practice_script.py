"""Practice provider, pure parts: names into scripts, scripts into timed steps, words, orders, bytes, records."""

import json
from itertools import islice, pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.practice_provider.calls import Call, Calls, Ended, Instant
from infra.practice_provider.playbook import Playbook
from infra.practice_provider.script import Act, Script, Step, UnknownScript, parse_script, steps
from infra.practice_provider.wire import Answered, BadAsk, Chunks, read_ask, usage
from infra.practice_provider.words import answer_tokens, count_words, pieces, rest_of, seed_of, unfinished_answer


def acts(name: str, tokens: str = "abcd") -> list[tuple[Act, int, str]]:
    return [(step.act, step.at_ms, step.text) for step in steps(parse_script(name), tokens)]


def test_a_plain_name_says_its_tokens_at_its_gap() -> None:
    assert acts("practice-4x20") == [
        (Act.SAY, 0, "a"),
        (Act.SAY, 20, "b"),
        (Act.SAY, 40, "c"),
        (Act.SAY, 60, "d"),
        (Act.FINISH, 60, ""),
    ]


def test_the_time_to_the_first_token_delays_every_step() -> None:
    assert [at_ms for _, at_ms, _ in acts("practice-4x20-ttft500")] == [500, 520, 540, 560, 560]


@pytest.mark.parametrize("fault", ["reset", "stall", "truncate"])
def test_a_fault_ends_the_answer_after_its_tokens_one_gap_later(fault: str) -> None:
    assert acts(f"practice-4x20-{fault}2")[:2] == acts("practice-4x20")[:2]
    last = acts(f"practice-4x20-{fault}2")[2:]
    assert [(act, at_ms) for act, at_ms, _ in last] == [(Act(fault), 40)]


@pytest.mark.parametrize("fault", ["reset", "stall", "truncate"])
def test_a_fault_behind_the_last_token_replaces_the_finish(fault: str) -> None:
    assert acts(f"practice-4x20-{fault}4")[4:] == [(Act(fault), 80, "")]


def test_a_fault_further_behind_never_happens() -> None:
    assert acts("practice-4x20-reset5") == acts("practice-4x20")


def test_garbage_takes_the_place_of_one_token_and_the_answer_goes_on() -> None:
    assert [act for act, _, _ in acts("practice-4x20-garbage2")] == [
        Act.SAY,
        Act.SAY,
        Act.GARBAGE,
        Act.SAY,
        Act.FINISH,
    ]


def test_garbage_behind_the_last_token_comes_before_the_finish() -> None:
    assert [act for act, _, _ in acts("practice-4x20-garbage4")][4:] == [Act.GARBAGE, Act.FINISH]


def test_thoughts_come_before_the_answer_and_count_for_its_times_and_faults() -> None:
    thoughts = [(Act.THINK, 0, "Thought 1. "), (Act.THINK, 20, "Thought 2. ")]
    assert acts("practice-2x20-think2", "ab") == [
        *thoughts,
        (Act.SAY, 40, "a"),
        (Act.SAY, 60, "b"),
        (Act.FINISH, 60, ""),
    ]
    assert acts("practice-2x20-think2-reset1", "ab") == [*thoughts[:1], (Act.RESET, 20, "Thought 2. ")]


def test_an_empty_answer_is_only_a_finish() -> None:
    assert list(steps(parse_script("practice-64x20-ttft30-empty"), [])) == [Step(Act.FINISH, 30)]


def test_suffixes_combine_in_any_order() -> None:
    expected = Script(
        name="practice-64x20-endless-stall8-ttft500",
        tokens=None,
        gap_ms=20,
        first_token_ms=500,
        fault=Act.STALL,
        fault_after=8,
    )
    assert parse_script("practice-64x20-endless-stall8-ttft500") == expected
    assert parse_script("practice-64x20-ttft500-stall8-endless").fault_after == 8


@pytest.mark.parametrize("status", [429, 500])
def test_a_refusal_carries_its_status(status: int) -> None:
    assert parse_script(f"practice-64x20-{status}").status == status
    assert parse_script("practice-64x20").status == 200


def test_only_a_reset_before_the_first_token_resets_at_once() -> None:
    at_once = ["practice-8x5-reset0", "practice-8x5-reset1", "practice-8x5-stall0"]
    assert [parse_script(name).resets_at_once for name in at_once] == [True, False, False]


@pytest.mark.parametrize(
    "name",
    [
        "gpt-5",
        "practice",
        "practice-64",
        "practice-64x20-",
        "practice-64x20-reset",
        "practice-64x20-429x",
        "practice-64x20-ttft5-ttft6",
        "practice-64x20-429-500",
        "practice-64x20-reset8-stall8",
        "practice-64x20-empty-endless",
        "practice-64x20-echo-echo",
        "practice-9999999x20",
        "practice-64x20-echo\n",
        "practice-٣x20",
    ],
)
def test_other_names_are_unknown(name: str) -> None:
    with pytest.raises(UnknownScript):
        parse_script(name)


def test_answers_differ_by_seed_and_only_by_seed() -> None:
    answers = {"".join(islice(answer_tokens(seed), 20)) for seed in range(200)}
    assert len(answers) == 200
    assert list(islice(answer_tokens(7), 100)) == list(islice(answer_tokens(7), 100))


def test_neighbouring_tokens_are_never_equal() -> None:
    tokens = list(islice(answer_tokens(3), 500))
    assert all(one != next_one for one, next_one in pairwise(tokens))


@pytest.mark.parametrize(("text", "count", "expected"), [("abcdefg", 3, 3), ("ab", 8, 2), ("abc", 0, 1), ("", 4, 0)])
def test_pieces_are_as_many_as_asked_at_most_and_together_the_text(text: str, count: int, expected: int) -> None:
    cut = pieces(text, count)
    assert (len(cut), "".join(cut)) == (expected, text)


def test_words_are_counted_in_strings_and_in_parts() -> None:
    parts = [{"type": "text", "text": "four five"}, {"type": "image_url", "image_url": {"url": "x"}}]
    messages: list[dict[str, object]] = [
        {"role": "user", "content": "one two three"},
        {"role": "user", "content": parts},
        {"role": "assistant"},
    ]
    assert count_words(messages) == 5


def test_an_order_is_followed_once_and_then_the_own_name_again() -> None:
    playbook = Playbook()
    playbook.order("practice-8x5", ["practice-1x0-429", "practice-1x0-500"])
    assert [playbook.next_script("practice-8x5").status for _ in range(3)] == [429, 500, 200]


def test_an_order_touches_no_other_model_and_a_later_one_replaces_it() -> None:
    playbook = Playbook()
    playbook.order("practice-8x5", ["practice-1x0-429"])
    assert playbook.next_script("practice-9x5").status == 200
    playbook.order("practice-8x5", [])
    assert playbook.next_script("practice-8x5").status == 200


def test_an_order_with_an_unknown_step_changes_nothing() -> None:
    playbook = Playbook()
    playbook.order("practice-8x5", ["practice-1x0-429"])
    with pytest.raises(UnknownScript):
        playbook.order("practice-8x5", ["practice-1x0", "nonsense"])
    assert playbook.next_script("practice-8x5").status == 429


@pytest.mark.parametrize("text", ['say "@" and \\ and\nnewline', "héllo 語 🙂", '"@"'])
def test_a_token_event_is_json_whatever_the_token_says(text: str) -> None:
    event = Chunks(Answered(id="c1", model="@", created_seconds=5)).token(text)
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    body = json.loads(event.removeprefix(b"data: "))
    assert (body["id"], body["model"], body["created"]) == ("c1", "@", 5)
    assert body["choices"][0]["delta"] == {"content": text}


def test_a_broken_event_is_one_line_that_is_no_json() -> None:
    event = Chunks(Answered(id="c1", model="m", created_seconds=5)).broken(" river")
    assert event.count(b"\n") == 2
    with pytest.raises(json.JSONDecodeError):
        json.loads(event.removeprefix(b"data: "))


@given(seed=st.integers(0, 10**6), count=st.integers(1, 40), cut=st.integers(0, 400))
def test_an_answer_is_known_by_its_beginning_and_goes_on_from_any_character(seed: int, count: int, cut: int) -> None:
    tokens = list(islice(answer_tokens(seed), count))
    whole = "".join(tokens)
    assert whole[:cut] + "".join(rest_of(tokens, whole[:cut])) == whole
    assert seed_of(whole) == seed


def test_only_the_assistants_last_message_is_unfinished_and_only_our_own_answers_are_known() -> None:
    said = {"role": "assistant", "content": "Answer 7: river"}
    assert unfinished_answer([{"role": "user", "content": "x"}, said]) == "Answer 7: river"
    assert unfinished_answer([said, {"role": "user", "content": "x"}]) == unfinished_answer([]) == ""
    assert seed_of("The answer is 7") is None


def test_usage_adds_up() -> None:
    assert usage(3, 4) == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model": "m"}', b'{"model": 1, "messages": []}', b'"\xff"'])
def test_a_body_of_another_shape_is_a_bad_ask(body: bytes) -> None:
    with pytest.raises(BadAsk):
        read_ask(body)


def test_fields_that_the_provider_does_not_know_are_ignored() -> None:
    ask = read_ask(b'{"model": "m", "messages": [], "temperature": 0.5, "stream_options": {"include_usage": true}}')
    assert (ask.model, ask.include_usage, ask.stream) == ("m", True, None)


def new_call(number: int) -> Call:
    return Call(
        id=str(number),
        number=number,
        model="m",
        script="m",
        stream=True,
        messages=msgspec.Raw(b"[]"),
        started_at=1.0,
        started_at_ns=1,
    )


def test_the_first_end_of_a_call_counts() -> None:
    call = new_call(1)
    call.end(Ended.RESET, Instant(2.0, 20))
    call.end(Ended.CLIENT_CLOSED, Instant(3.0, 30))
    assert (call.ended, call.closed_at, call.closed_at_ns) == (Ended.RESET, 2.0, 20)


def test_the_record_notes_when_the_first_token_went_out() -> None:
    call = new_call(1)
    call.token_sent(10)
    call.token_sent(11)
    assert (call.tokens_sent, call.first_token_at_ns) == (2, 10)


def test_the_record_forgets_the_oldest_calls() -> None:
    calls = Calls(limit=3)
    for number in range(5):
        calls.begin(new_call(number))
    assert [call.id for call in calls.newest_last()] == ["2", "3", "4"]
