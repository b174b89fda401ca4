"""Dead letters: one for each record, what became of it, its bytes as they were, and nothing that a terminal obeys."""

import json
import unicodedata
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.dead_letters.handling import record_again
from infra.dead_letters.letters import Letter, Letters, Source
from infra.dead_letters.showing import as_json, escaped, listed, shown
from producers.kafka_writer import Place
from schemas.dead_letters import Handling, letter_headers, mark_headers
from schemas.headers import Headers

ORIGINAL: Headers = [("turn", b"t-1"), ("turn", b"twice"), ("odd", b"\xff\x00")]
SOURCE = Source("chat.requests", 3, 77)


@dataclass
class Stored:
    """A record of the topic."""

    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None = b"garbage"
    key: bytes | None = b"key"
    timestamp: int = 1_000
    rest: dict[str, str] = field(default_factory=dict)


def set_aside(source: Source = SOURCE, key: bytes | None = b"\xffkey", **fields: object) -> Stored:
    return Stored(tuple(letter_headers(ORIGINAL, str(source), key, "not JSON")), **fields)  # type: ignore[arg-type]


def marked(handling: Handling, source: Source = SOURCE, at_ms: int = 2_000) -> Stored:
    return Stored(tuple(mark_headers(str(source), handling)), b"", timestamp=at_ms)


def letters_of(*records: Stored) -> Letters:
    letters = Letters()
    for record in records:
        letters.take(record)
    return letters


def a_letter(value: bytes = b"garbage", key: bytes | None = b"u/c", **fields: object) -> Letter:
    known = {"source": SOURCE, "reason": "why", "headers": ORIGINAL, "set_aside_at_ms": 1_000}
    return Letter(**(known | {"value": value, "key": key} | fields))


def test_a_letter_has_its_records_key_bytes_and_headers_as_they_were() -> None:
    [letter] = letters_of(set_aside()).open()
    assert letter == Letter(SOURCE, "not JSON", b"\xffkey", b"garbage", ORIGINAL, 1_000)
    assert letter.turn_id == "t-1"


def test_a_record_that_was_set_aside_twice_is_one_letter_and_stays_handled() -> None:
    letters = letters_of(set_aside(), marked(Handling.DROPPED), set_aside(timestamp=3_000))
    assert letters.open() == []
    [letter] = letters.all()
    assert (letter.handled, letter.handled_at_ms, letter.set_aside_at_ms) == (Handling.DROPPED, 2_000, 1_000)


def test_a_mark_belongs_to_its_own_source_wherever_it_stands_in_the_log() -> None:
    other = Source("chat.requests", 3, 78)
    letters = letters_of(marked(Handling.REDRIVEN), set_aside(), set_aside(other))
    assert [letter.source for letter in letters.open()] == [other]
    found = letters.get(SOURCE)
    assert found is not None and found.handled is Handling.REDRIVEN
    assert letters.get(Source("chat.requests", 3, 79)) is None


@pytest.mark.parametrize("source", [b"", b"chat.requests", b"chat.requests/x/1", b"/1/1", b"chat.requests/1/-1"])
def test_what_names_no_source_is_counted_and_no_letter(source: bytes) -> None:
    letters = letters_of(Stored((("dead.source", source),)), Stored(()), Stored((("dead.handled", b"eaten"),)))
    assert (letters.all(), letters.nameless) == ([], 3)


def test_a_letter_of_before_has_its_key_in_the_record() -> None:
    [letter] = letters_of(Stored((("dead.source", b"chat.requests/0/1"),), key=b"u/c")).all()
    assert (letter.key, letter.reason) == (b"u/c", "no reason was given")


@pytest.mark.parametrize(
    ("key", "text", "place"),
    [(b"u/c", "u/c", None), (b"\xff", "", Place(3, b"\xff")), (None, "", Place(3, None)), (b"", "", Place(3, b""))],
)
def test_a_record_is_written_again_as_it_was_by_its_key_or_to_its_own_partition(
    key: bytes | None, text: str, place: Place | None
) -> None:
    record = record_again(a_letter(key=key))
    assert (record.topic, record.key, record.place) == ("chat.requests", text, place)
    assert (record.value, record.headers) == (b"garbage", ORIGINAL)


@given(st.text())
def test_nothing_is_left_that_a_terminal_obeys_or_that_reorders(text: str) -> None:
    kept = escaped(text, keep="\n").replace("\n", "")
    assert not any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in kept)


def test_hostile_bytes_headers_and_names_are_shown_escaped() -> None:
    hostile = "\x1b]0;owned\x07\u202e\x9b2J\r"
    letter = a_letter(hostile.encode(), key=hostile.encode(), reason=hostile, headers=[(hostile, hostile.encode())])
    for line in [*shown(letter), *listed([letter]), json.dumps(as_json(letter, with_value=True))]:
        assert all(each.isprintable() or each == "\n" for each in line)
    assert r"\x1b]0;owned\x07\u202e\x9b2J\r" in shown(letter)[-1]


def test_what_is_no_text_is_shown_as_hex() -> None:
    assert shown(a_letter(b"\xff\x00" * 20))[-1].splitlines()[0] == " ".join(["ff 00"] * 16)
    said = as_json(a_letter(b"\xff\x00"), with_value=True)
    assert (said["value"], said["key"]) == ({"hex": "ff00"}, "u/c")
    assert said["headers"] == [["turn", "t-1"], ["turn", "twice"], ["odd", {"hex": "ff00"}]]
    assert "value" not in as_json(a_letter(), with_value=False)


def test_the_list_has_one_line_for_each_letter_with_its_state() -> None:
    lines = listed([a_letter(), a_letter(handled=Handling.DROPPED, handled_at_ms=5, reason="x" * 200)])
    assert [line.split()[:1] for line in lines] == [["SOURCE"], ["chat.requests/3/77"], ["chat.requests/3/77"]]
    assert "  7      open     why" in lines[1]
    assert "dropped" in lines[2] and len(lines[2]) < 140
