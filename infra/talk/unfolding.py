"""What of a growing answer is printed for good, and what stays open below it. Pure.

In: the answer's text as it stands, again and again; it may also shrink (`switched`) or begin anew (a new attempt).
Out: pieces to print once, the open piece to draw anew each time, and whether printed text had to be withdrawn.
"""

import re
from dataclasses import dataclass, field

from infra.talk.blocks import Block, cut

_EMPTY_LINES = re.compile(r"\A(?:[ \t]*\n)+")


@dataclass(frozen=True, slots=True)
class Piece:
    """Markdown that is drawn as one. `has_gap`: an empty line comes before it. `number`: its first list number."""

    source: str
    has_gap: bool = False
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now. `withdrawn`: what was printed of this answer does not hold; `finished` begins it again."""

    finished: list[Piece] = field(default_factory=list)
    open: Piece | None = None
    withdrawn: bool = False


@dataclass(slots=True)
class _List:
    """The top-level list that was printed last, while it may go on."""

    mark: str
    next_number: int | None


class Unfolding:
    """One answer on its way to the screen."""

    def __init__(self) -> None:
        self._printed = ""
        self._list: _List | None = None

    def show(self, answer: str, *, ended: bool = False) -> Step:
        """The next step. With `ended` everything that is left is finished."""
        withdrawn = not answer.startswith(self._printed)
        if withdrawn and not ended and self._printed.startswith(answer):
            # A new attempt tells again what was shown: nothing is wrong with the screen yet.
            return Step()
        if withdrawn:
            self._printed, self._list = "", None
        finished, open_piece = self._advance(answer[len(self._printed) :], ended=ended)
        return Step(finished, open_piece, withdrawn)

    def _advance(self, rest: str, *, ended: bool) -> tuple[list[Piece], Piece | None]:
        whole = cut(rest, ended=ended)
        closed = whole.sources[: whole.finished]
        finished = [self._print(block, source) for block, source in zip(whole.blocks, closed, strict=False)]
        still_open = rest[sum(map(len, closed)) :]
        return finished, None if ended else self._open(whole.blocks[whole.finished :], still_open)

    def _open(self, blocks: list[Block], source: str) -> Piece | None:
        if not source.strip():
            return None
        # A first line that is still being written has no block yet.
        return self._piece(blocks[0] if blocks else None, source)

    def _print(self, block: Block, source: str) -> Piece:
        piece = self._piece(block, source)
        self._printed += source
        next_number = None if piece.number is None else piece.number + 1
        self._list = None if block.list_mark is None else _List(block.list_mark, next_number)
        return piece

    def _piece(self, block: Block | None, source: str) -> Piece:
        before = self._list
        mark, number = (None, None) if block is None else (block.list_mark, block.number)
        if before is None or mark is None or before.mark != mark:
            return Piece(_without_empty_ends(source), has_gap=self._printed != "", number=number)
        return Piece(_without_empty_ends(source), number=before.next_number)


def _without_empty_ends(source: str) -> str:
    """Without empty lines before and after; the first line's indentation means something."""
    return _EMPTY_LINES.sub("", source, count=1).rstrip()
