"""As much of a terminal as the live region uses: text, newlines, cursor up, erase below; colours are ignored.

`lines()` is the scrollback and the screen, as a person sees them. Moving up stops at the top of the screen.
"""

import io
import re

from rich.cells import cell_len, chop_cells

_TOKEN = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")


class TinyTerminal(io.StringIO):
    def __init__(self, columns: int, rows: int) -> None:
        super().__init__()
        self.columns, self.rows = columns, rows
        self.writes = 0
        self._lines = [""]
        self._row = 0
        self._column = 0

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.writes += 1
        for token in _TOKEN.finditer(text):
            if token[2]:
                self._obey(token[1], token[2])
            else:
                self._put(token[0])
        return len(text)

    def lines(self) -> list[str]:
        return self._lines

    def _obey(self, number: str, command: str) -> None:
        if command == "A":
            top = max(0, len(self._lines) - self.rows)
            self._row = max(top, self._row - int(number))
        elif command == "J":
            self._lines[self._row :] = [self._lines[self._row][: self._column]]
        else:
            assert command in "mhl", command

    def _put(self, text: str) -> None:
        if text == "\r":
            self._column = 0
        elif text == "\n":
            self._down()
        else:
            self._write_here(text)

    def _down(self) -> None:
        self._row, self._column = self._row + 1, 0
        if self._row == len(self._lines):
            self._lines.append("")

    def _write_here(self, text: str) -> None:
        for index, part in enumerate(chop_cells(text, self.columns - cell_len(self._lines[self._row]) or 1)):
            if index:
                self._down()
            line = self._lines[self._row]
            self._lines[self._row] = line[: self._column] + part + line[self._column + len(part) :]
            self._column += len(part)
