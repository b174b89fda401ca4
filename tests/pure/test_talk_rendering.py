"""Markdown on a terminal: nothing of the text is lost, no background is set, and control characters have no power."""

import io
import os

import pytest
from rich.console import Console

from infra.talk.rendering import THEME, markdown_lines
from infra.talk.screen import Screen
from infra.talk.telling import Drawing, Note
from infra.talk.unfolding import Piece, Unfolding
from infra.talk.visible import one_line, visible
from tests.tiny_terminal import TinyTerminal


def plain(markdown: str, width: int = 40) -> list[str]:
    console = Console(file=io.StringIO(), theme=THEME)
    pieces = Unfolding().show(markdown, ended=True).finished
    return [line for piece in pieces for line in markdown_lines(console, piece, width)]


def coloured(markdown: str) -> str:
    console = Console(file=io.StringIO(), theme=THEME, force_terminal=True, color_system="truecolor")
    return "\n".join(markdown_lines(console, Piece(markdown), 60))


def test_blocks_are_apart_and_items_are_not() -> None:
    assert plain("# Head\ntext\n- a\n- b\n\n1. x\n1. y\n\nend") == [
        "Head", "", "text", "", " • a", " • b", "", " 1. x", " 2. y", "", "end",
    ]  # fmt: skip


def test_line_breaks_of_the_model_are_kept() -> None:
    assert plain("roses are red\nviolets are blue") == ["roses are red", "violets are blue"]


def test_html_links_and_link_definitions_are_shown_and_not_swallowed() -> None:
    assert plain("<b>bold</b> [here](http://x.y) [z][1]\n\n[1]: http://q.r") == [
        "<b>bold</b> here (http://x.y) [z][1]", "", "[1]: http://q.r",
    ]  # fmt: skip


def test_code_is_kept_as_it_is_and_wraps_at_the_width() -> None:
    lines = plain("```\na  b\n\n" + "x" * 50 + "\n```", width=30)
    assert lines[:2] == ["  a  b", ""]
    assert "".join(lines).count("x") == 50
    assert max(map(len, lines)) <= 30


def test_colours_suit_light_and_dark_terminals() -> None:
    everything = (
        "# h\n\n> q\n\n`c` *e* **s** [l](u)\n\n| a |\n|--|\n| b |\n\n```python\ndef f():\n    return 'x', 1 # c\n```"
    )
    codes = {code for sequence in coloured(everything).split("\x1b[")[1:] for code in sequence.split("m")[0].split(";")}
    backgrounds_and_brights = {str(code) for code in [*range(40, 50), *range(90, 108), 38, 48, 30, 33, 37]}
    assert codes & backgrounds_and_brights == set()


@pytest.mark.parametrize("width", [20, 33, 80])
def test_no_line_is_wider_than_asked(width: int) -> None:
    text = "word " * 40 + "\n\n- " + "item " * 30 + "\n\n| a | b |\n|---|---|\n| " + "cell " * 20 + "| x |\n"
    assert max(map(len, plain(text, width))) <= width


def test_lines_have_no_trailing_spaces() -> None:
    assert all(line == line.rstrip() for line in plain("a\n\n```\nb\n```\n\n- c\n\n| d |\n|---|\n| e |"))


def test_control_characters_are_shown_instead_of_obeyed() -> None:
    assert visible("a\x1b[2Jb\x07\x9b\x7f\r\n\tc") == "a␛[2Jb␇\ufffd␡\n\tc"
    assert visible("ab\u202edc") == "abdc"
    assert one_line("a\n b\x1b" + "c" * 20, 8) == "a b␛ccc…"
    assert one_line("日本語です", 6) == "日本…"


def test_an_open_code_block_taller_than_the_screen_shows_its_end_and_is_printed_whole_when_finished() -> None:
    terminal = TinyTerminal(columns=40, rows=10)
    screen = Screen(terminal, lambda: os.terminal_size((40, 10)))
    code = "```\n" + "".join(f"line {n}\n" for n in range(100))
    screen.show(Drawing([Note("fast")], Piece(code)))
    assert [line.strip() for line in terminal.lines()] == ["fast", *(f"line {n}" for n in range(91, 100))]
    screen.show(Drawing([Piece(code + "```")]))
    assert [line.strip() for line in terminal.lines()] == ["fast", *(f"line {n}" for n in range(100)), ""]
