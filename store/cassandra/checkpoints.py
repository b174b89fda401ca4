"""Checkpoints: the newest text of each running turn, kept for a while.

One row for each turn, overwritten, with the frame number as write timestamp: a late save of a lower attempt or of a
shorter text loses by itself. An expired row would go on hiding lower frames, so above the frame number stands the
number of the span of time, as long as the time to live, in which it was written. (A zombie that saves just after such a
span began can hide a newer checkpoint of the span before, for the two seconds until the next one is saved.)
"""

import math
from collections.abc import Callable
from uuid import UUID

from store.cassandra.session import CassandraSession
from store.cassandra.statements import Kind, Statement
from store.rows import Checkpoint

SAVE = Statement(
    "UPDATE turn_progress USING TIMESTAMP ? AND TTL ? SET attempt = ?, seq = ?, text = ?, model = ? WHERE turn_id = ?",
    Kind.WRITE,
)
NEWEST = Statement("SELECT attempt, seq, text, model FROM turn_progress WHERE turn_id = ?", Kind.READ)

STATEMENTS = (SAVE, NEWEST)

_FRAMES = 2**31
"""More than any frame number: 2,147 attempts."""


def written_at(seq: int, now_ms: int, ttl_seconds: int) -> int:
    """The write timestamp of a checkpoint."""
    return now_ms // (ttl_seconds * 1000) * _FRAMES + seq


class CassandraCheckpoints:
    """Each save is kept for `ttl_seconds`, whole seconds here. Every method raises StoreUnavailable."""

    def __init__(self, session: CassandraSession, ttl_seconds: float, clock_ms: Callable[[], int]) -> None:
        self._session = session
        self._ttl_seconds = math.ceil(ttl_seconds)
        self._clock_ms = clock_ms

    async def save(self, turn_id: str, checkpoint: Checkpoint) -> None:
        """Replaces the turn's checkpoint unless that one is of a higher attempt, or further in the same attempt."""
        at = written_at(checkpoint.seq, self._clock_ms(), self._ttl_seconds)
        fields = (checkpoint.attempt, checkpoint.seq, checkpoint.text, checkpoint.model)
        await self._session.write((SAVE, (at, self._ttl_seconds, *fields, UUID(turn_id))))

    async def newest(self, turn_id: str) -> Checkpoint | None:
        """The turn's checkpoint, unless there is none or it expired."""
        found = await self._session.row(NEWEST, UUID(turn_id))
        return None if found is None or found[0] is None else Checkpoint(*found)
