"""A stop is asked: the turn's row must say so, whoever asks (DESIGN 6, Stop).

In: whose turn, and the rows of turns. Out: the row with `stop` set, made if there was none; or as it ended. Edges write
it for their users, workers for the questions that `on_busy: interrupt` stops; telling `chat.control` is theirs too.
"""

from dataclasses import dataclass
from typing import Protocol

import msgspec

from store.errors import StoreUnavailable
from store.rows import TurnRow

MAX_TRIES = 20
"""Each lost try means that somebody else's write of the same row went through: workers write a few."""


class TurnRows(Protocol):
    """Rows of turns. Raises StoreUnavailable."""

    async def load(self, turn_id: str) -> TurnRow | None: ...

    async def compare_and_set(self, row: TurnRow, expected_version: int | None) -> TurnRow | None:
        """None if it was applied, else the row as it is."""


@dataclass(frozen=True, slots=True)
class StopTarget:
    """The turn to stop. The conversation is None unless the turn is known for sure to be this user's."""

    user_id: str
    turn_id: str
    conversation_id: str | None


async def mark_stop(rows: TurnRows, target: StopTarget) -> TurnRow | None:
    """The row with `stop` set, or as it ended; None if there is no such turn of this user. Raises StoreUnavailable."""
    row = await rows.load(target.turn_id)
    for _ in range(MAX_TRIES):
        wanted = _marked(row, target)
        if wanted is None or wanted is row:
            return wanted
        row = await rows.compare_and_set(wanted, None if row is None else row.version)
        if row is None:
            return wanted
    raise StoreUnavailable("the turn's row changed again and again")


def _marked(row: TurnRow | None, target: StopTarget) -> TurnRow | None:
    """What the row should say: the same row if it says so already, None if the user has no such turn. Pure."""
    if row is None:
        return None if target.conversation_id is None else _new_row(target, target.conversation_id)
    if row.user_id != target.user_id:
        return None
    if row.is_ended or row.stop:
        return row
    return msgspec.structs.replace(row, stop=True, version=row.version + 1)


def _new_row(target: StopTarget, conversation_id: str) -> TurnRow:
    return TurnRow(
        turn_id=target.turn_id,
        user_id=target.user_id,
        conversation_id=conversation_id,
        version=1,
        stop=True,
    )
