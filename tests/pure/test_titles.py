"""A conversation's first title."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.titles import MAX_TITLE_LENGTH, title_from


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("How are you?", "How are you?"),
        ("\n\n   first line  \nsecond", "first line"),
        ("", "New conversation"),
        (" \n\t\r\n", "New conversation"),
        ("word " * 30, "word word word word word word word word word word word…"),
        ("x" * 61, "x" * 59 + "…"),
        ("x" * 60, "x" * 60),
        ("a " + "y" * 80, "a " + "y" * 57 + "…"),
    ],
)
def test_a_title_is_the_first_line_that_says_something(question: str, title: str) -> None:
    assert title_from(question) == title


@given(st.text())
def test_a_title_is_short_and_never_empty(question: str) -> None:
    title = title_from(question)
    assert 0 < len(title) <= MAX_TITLE_LENGTH
    assert title == title.strip()
    assert "\n" not in title
