"""The last lines of the terminal, drawn anew in place while an answer grows; what is finished scrolls up for good.

In: lines (at most as wide as the terminal) and its size. Out: bytes for the terminal, one write per drawing, and only
the lines that changed, so nothing flickers. Lines that do not fit on the screen are left out from the top: no cursor
movement reaches them, and they are printed in full when their block is finished.
"""

import math
from collections.abc import Callable, Sequence
from os import terminal_size
from typing import TextIO

from rich.cells import cell_len
from rich.text import Text

_ERASE_BELOW = "\x1b[J"
_HIDE_CURSOR = "\x1b[?25l"
_SHOW_CURSOR = "\x1b[?25h"


class LiveRegion:
    """Between `begin` and `end` the cursor is at the end of the last live line."""

    def __init__(self, out: TextIO, size: Callable[[], terminal_size]) -> None:
        self._out = out
        self._size = size
        self._lines: list[str] = []

    def begin(self) -> None:
        self._write(_HIDE_CURSOR)

    def end(self) -> None:
        """Leaves the cursor on an empty line. Lines that are still live stay as they are: somebody has read them."""
        newline = "\n" if self._lines else ""
        self._lines = []
        self._write(f"{newline}{_SHOW_CURSOR}")

    def draw(self, lines: Sequence[str], *, above: Sequence[str] = ()) -> None:
        """Prints `above` for good, and shows `lines` under it until the next drawing."""
        size = self._size()
        fitting = list(lines[-max(1, size.lines - 1) :])
        if fitting == self._lines and not above:
            return
        kept = 0 if above else _common(self._lines, fitting)
        back = self._back_to(kept, size.columns)
        finished = "".join(f"{line}\n" for line in above)
        self._lines = fitting
        self._write(f"{back}{_ERASE_BELOW}{finished}" + "\n".join(fitting[kept:]))

    def _back_to(self, kept: int, columns: int) -> str:
        """Moves the cursor to where the first changed line begins."""
        changed = self._lines[kept:]
        if not changed:
            return "\n" if self._lines else "\r"
        # A terminal that became narrower has wrapped what was drawn for the wider one.
        up = sum(_rows(line, columns) for line in changed) - 1
        return f"\r\x1b[{up}A" if up else "\r"

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _common(before: Sequence[str], after: Sequence[str]) -> int:
    """How many lines at the top stay as they are."""
    pairs = zip(before, after, strict=False)
    same = next((index for index, (old, new) in enumerate(pairs) if old != new), min(len(before), len(after)))
    # Where there are fewer lines than before, the last one is drawn anew: the cursor belongs at its end.
    return same if len(after) >= len(before) else min(same, max(0, len(after) - 1))


def _rows(line: str, columns: int) -> int:
    return max(1, math.ceil(cell_len(Text.from_ansi(line).plain) / max(1, columns)))
