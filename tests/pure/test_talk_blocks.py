"""Cutting growing markdown: what is printed for good is never changed by further text, and nothing is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.talk.blocks import cut
from infra.talk.unfolding import Piece, Step, Unfolding

SAMPLE = """# Title

A paragraph
of two lines.

- one
- two
  continued
  - nested

- loose

1. first
1. second

| a | b |
|---|---|
| 1 | 2 |

```python
# not a heading

- not a list
```
> quote
lazy line

Setext
------

[1]: http://example.com
---
last"""

LINES = st.sampled_from(
    ["text", "more text  ", "- a", "* b", "  - nested", "1. one", "2) two", "```", "~~~", "    code", "> quote", "---",
     "===", "# head", "| a | b |", "|---|---|", "", "", "<div>", "-", "1.", "[x]: y", "\tx", " \t", "日本 😀", "\u00a0",
     "\u2028x\x85"]
)  # fmt: skip
MARKDOWN = st.lists(LINES, max_size=14).map("\n".join)


def finished_pieces(text: str, cuts: list[int]) -> list[Piece]:
    """All pieces that are printed while the text grows to these lengths."""
    unfolding = Unfolding()
    steps = [unfolding.show(text[:length]) for length in sorted(cuts)]
    steps.append(unfolding.show(text, ended=True))
    assert not any(step.withdrawn for step in steps)
    return [piece for step in steps for piece in step.finished]


def test_blocks_are_cut_where_a_reader_sees_them() -> None:
    sources = [source.strip("\n").split("\n")[0] for source in cut(SAMPLE, ended=True).sources]
    assert sources == [
        "# Title", "A paragraph", "- one", "- two", "- loose", "1. first", "1. second", "| a | b |", "```python",
        "> quote", "Setext", "[1]: http://example.com", "last",
    ]  # fmt: skip


def test_the_line_still_being_written_never_counts() -> None:
    unfolding = Unfolding()
    assert unfolding.show("- text\n\n# Hea").finished == []
    assert [piece.source for piece in unfolding.show("- text\n\n# Head\n").finished] == ["- text", "# Head"]


def test_an_empty_line_finishes_a_paragraph_but_not_a_list_or_code() -> None:
    assert [piece.source for piece in Unfolding().show("one\n\ntw").finished] == ["one"]
    for goes_on in ("- a\n\n  b", "```\na\n\nb", "    a\n\n    b"):
        assert Unfolding().show(goes_on).finished == []


def test_list_items_are_printed_one_by_one_with_their_numbers_and_without_gaps() -> None:
    pieces = finished_pieces("Do:\n\n1. one\n1. two\n1. three\n\nDone", [])
    assert [(piece.number, piece.has_gap) for piece in pieces] == [
        (None, False), (1, True), (2, False), (3, False), (None, True),
    ]  # fmt: skip


def test_a_list_that_was_cut_goes_on_counting() -> None:
    unfolding = Unfolding()
    unfolding.show("5. five\n5. six\n5. se")
    step = unfolding.show("5. five\n5. six\n5. seven\n5. eight\n")
    assert [(piece.source, piece.number, piece.has_gap) for piece in step.finished] == [
        ("5. six", 6, False), ("5. seven", 7, False),
    ]  # fmt: skip


def test_the_open_piece_is_all_that_is_not_printed() -> None:
    assert Unfolding().show("one\n\ntwo **bo") == Step([Piece("one")], Piece("two **bo", has_gap=True))
    assert Unfolding().show("- one\n\ntwo **bo") == Step([], Piece("- one\n\ntwo **bo"))


@settings(max_examples=500)
@given(MARKDOWN, st.lists(st.integers(0, 150), max_size=12))
def test_however_the_text_grows_the_same_pieces_are_printed(text: str, cuts: list[int]) -> None:
    growing = finished_pieces(text, cuts)
    assert growing == finished_pieces(text, [])
    assert "".join(text.split()) == "".join("".join(piece.source for piece in growing).split())


@pytest.mark.parametrize("text", [SAMPLE, SAMPLE.replace("\n\n", "\n")])
def test_every_single_character_may_come_alone(text: str) -> None:
    assert finished_pieces(text, list(range(len(text)))) == finished_pieces(text, [])


def test_an_attempt_that_tells_again_what_is_printed_prints_nothing_twice() -> None:
    unfolding = Unfolding()
    unfolding.show("one\n\ntwo\n\nthr")
    assert [unfolding.show(text) for text in ("", "one", "one\n\ntw")] == [Step(), Step(), Step()]
    assert [piece.source for piece in unfolding.show("one\n\ntwo\n\nthree", ended=True).finished] == ["three"]


def test_printed_text_that_does_not_hold_is_withdrawn_and_told_anew() -> None:
    unfolding = Unfolding()
    unfolding.show("one\n\ntwo\n\n")
    step = unfolding.show("other\n\ntwo\n\n")
    assert step.withdrawn
    assert [piece.source for piece in step.finished] == ["other", "two"]


def test_an_answer_that_ends_shorter_than_what_was_printed_is_withdrawn() -> None:
    unfolding = Unfolding()
    unfolding.show("one\n\ntwo\n\nthree\n\n")
    step = unfolding.show("one", ended=True)
    assert step.withdrawn
    assert [piece.source for piece in step.finished] == ["one"]
