"""The live region on a small terminal: what is printed stays once and in order, whatever is drawn below it."""

import os

from hypothesis import given
from hypothesis import strategies as st

from infra.talk.live_region import LiveRegion
from tests.tiny_terminal import TinyTerminal


def region_on(terminal: TinyTerminal) -> LiveRegion:
    return LiveRegion(terminal, lambda: os.terminal_size((terminal.columns, terminal.rows)))


LINE = st.sampled_from(["", "a", "b", "long line", "\x1b[1mbold\x1b[0m", "日本"])
DRAWING = st.tuples(st.lists(LINE, max_size=3), st.lists(LINE, max_size=9))


@given(st.lists(DRAWING, max_size=12))
def test_printed_lines_stay_and_live_lines_are_the_newest(drawings: list[tuple[list[str], list[str]]]) -> None:
    terminal = TinyTerminal(columns=20, rows=6)
    region = region_on(terminal)
    region.begin()
    printed: list[str] = []
    fitting: list[str] = []
    for above, live in drawings:
        region.draw(live, above=above)
        printed += [plain(line) for line in above]
        fitting = [plain(line) for line in live[-5:]]
        assert terminal.lines() == [*printed, *(fitting or [""])]
    region.end()
    assert terminal.lines() == [*printed, *fitting, ""], "what was live at the end stays"


def plain(line: str) -> str:
    return line.replace("\x1b[1m", "").replace("\x1b[0m", "")


def test_only_what_changed_is_written_and_in_one_write() -> None:
    terminal = TinyTerminal(columns=20, rows=6)
    region = region_on(terminal)
    region.draw(["one", "two"])
    before = terminal.writes
    region.draw(["one", "two"])
    assert terminal.writes == before
    region.draw(["one", "two!"], above=["printed"])
    assert terminal.writes == before + 1


def test_lines_that_a_narrower_terminal_wrapped_are_erased_too() -> None:
    terminal = TinyTerminal(columns=20, rows=8)
    region = region_on(terminal)
    region.draw(["a", "b" * 18])
    # What the terminal did with them on becoming narrower.
    terminal.columns = 10
    narrow = TinyTerminal(columns=10, rows=8)
    narrow.write("a\n" + "b" * 18)
    terminal.__dict__.update(narrow.__dict__)
    region.draw(["c"])
    assert terminal.lines() == ["c"]
