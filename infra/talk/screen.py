"""A terminal that shows drawings: printed pieces above, the live region below.

In: `Drawing`s. Out: bytes on the terminal. Width follows the terminal, up to what is good to read.
"""

import shutil
import sys
from collections.abc import Callable, Iterable
from os import terminal_size
from typing import TextIO

from rich.console import Console

from infra.talk.live_region import LiveRegion
from infra.talk.rendering import THEME, markdown_lines, note_lines
from infra.talk.telling import Drawing, Note
from infra.talk.unfolding import Piece
from infra.talk.visible import one_line

MAX_COLUMNS = 100
THOUGHT_LINES = 3
_FENCES = ("```", "~~~")


class Screen:
    """Draws on `out`; `size` is asked anew for each drawing."""

    def __init__(self, out: TextIO | None = None, size: Callable[[], terminal_size] | None = None) -> None:
        self._out = out or sys.stdout
        self._size = size or shutil.get_terminal_size
        self._console = Console(file=self._out, theme=THEME, highlight=False)
        self.live = LiveRegion(self._out, self._size)

    @property
    def columns(self) -> int:
        """How wide lines may be."""
        # One column stays free: a full line would leave the cursor between two rows.
        return max(10, min(MAX_COLUMNS, self._size().columns - 1))

    def show(self, drawing: Drawing) -> None:
        """Prints what is finished and draws the rest in place."""
        above = [line for item in drawing.printed for line in self._lines(item)]
        self.live.draw(self._live_lines(drawing), above=above)

    def say(self, text: str, style: str = "note") -> None:
        """A line of ours, outside of any answer."""
        self.print([Note(text, style)])

    def print(self, items: Iterable[Piece | Note]) -> None:
        """Prints for good, while nothing is live."""
        self._out.write("".join(f"{line}\n" for item in items for line in self._lines(item)))
        self._out.flush()

    def _live_lines(self, drawing: Drawing) -> list[str]:
        lines: list[str] = []
        if drawing.open is not None:
            lines += self._lines(_tail(drawing.open, self._size().lines))
        if drawing.thought:
            lines += note_lines(self._console, drawing.thought, self.columns)[-THOUGHT_LINES:]
        if drawing.state:
            lines += note_lines(self._console, one_line(drawing.state, self.columns), self.columns)
        return lines

    def _lines(self, item: Piece | Note) -> list[str]:
        if isinstance(item, Piece):
            return markdown_lines(self._console, item, self.columns)
        # An empty note is an empty line.
        return note_lines(self._console, item.text, self.columns, item.style) or [""]


def _tail(piece: Piece, rows: int) -> Piece:
    """An open code block that is taller than the screen is highlighted only as far as it shows."""
    if not piece.source.startswith(_FENCES):
        return piece
    first, *rest = piece.source.split("\n")
    if len(rest) <= rows:
        return piece
    return Piece("\n".join([first, *rest[-rows:]]), has_gap=False)
