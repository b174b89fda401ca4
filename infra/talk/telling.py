"""Tells one turn on a screen: what to print for good now, and what to show below until the next time. Pure.

In: the newest view of the turn, again and again. Out: a `Drawing` for each. Nothing that happened to the answer is
hidden: switches, stops, failures, and text that had to be withdrawn are said where they happened.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from infra.talk.unfolding import Piece, Unfolding
from infra.talk.visible import visible
from infra.talk.wording import WITHDRAWN, end_of, state_of, switched
from samvad_client.turn_view import TurnView
from schemas.statuses import TurnStatus


@dataclass(frozen=True, slots=True)
class Note:
    """A line about the answer. `style` is one of `note` and `fault`."""

    text: str
    style: str = "note"


EMPTY_LINE = Note("")


@dataclass(frozen=True, slots=True)
class Drawing:
    """`printed` goes up for good; `open`, the end of what the model thinks, and `state` are drawn anew each time."""

    printed: list[Piece | Note] = field(default_factory=list)
    open: Piece | None = None
    thought: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the reader knows besides the turn. `seconds` since the question, None if somebody else asked it."""

    is_connected: bool = True
    seconds: float | None = 0.0


class Telling:
    """One turn. `title_of` gives the name under which people know a model alias."""

    def __init__(self, title_of: Callable[[str], str]) -> None:
        self._title_of = title_of
        self._unfolding = Unfolding()
        self._told_switches: set[int] = set()
        self._has_heading = False
        self._has_thought = False

    def tell(self, turn: TurnView, moment: Moment) -> Drawing:
        """The next drawing; after an ended turn there is no further one."""
        ended = turn.has_ended
        step = self._unfolding.show(visible(turn.answer), ended=ended)
        printed: list[Piece | Note] = [*self._heading(turn), *self._thought(turn)]
        printed += [EMPTY_LINE, Note(WITHDRAWN), EMPTY_LINE] if step.withdrawn else []
        printed += [*step.finished, *self._switches(turn)]
        if ended:
            return Drawing([*printed, *_end(turn, moment)])
        state = state_of(turn, is_connected=moment.is_connected, seconds=moment.seconds or 0.0)
        return Drawing(printed, step.open, "" if turn.answer else visible(turn.reasoning), state)

    def _heading(self, turn: TurnView) -> list[Note]:
        """Which model speaks, as soon as one does."""
        if self._has_heading or turn.status in (TurnStatus.QUEUED, TurnStatus.UNKNOWN) or not turn.model:
            return []
        self._has_heading = True
        return [Note(self._title_of(turn.model))]

    def _thought(self, turn: TurnView) -> list[Note]:
        if self._has_thought or not (turn.reasoning and (turn.answer or turn.has_ended)):
            return []
        self._has_thought = True
        return [Note(f"(thought aloud for {len(turn.reasoning.split())} words)")]

    def _switches(self, turn: TurnView) -> list[Note]:
        new = [switch for switch in turn.switches if switch.seq not in self._told_switches]
        self._told_switches.update(switch.seq for switch in new)
        return [note for switch in new for note in (EMPTY_LINE, Note(switched(switch)))]


def _end(turn: TurnView, moment: Moment) -> list[Note]:
    text = end_of(turn, moment.seconds)
    return [Note(text, "fault" if turn.status is TurnStatus.FAILED else "note")] if text else []
