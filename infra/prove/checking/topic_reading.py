"""What the topic says of one turn.

In: its records of `chat.replies`, in their order. Out: `TopicReading`: what stands out of its row, the frames of each
attempt by number, and the distinct ends.

Legitimate in the topic, because every edge drops it: a record written again by a new producer, in order and with the
same bytes; the same terminal frame again, by a repair; frames of a lower attempt by a worker that was thought dead.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from infra.prove.checking.irregular import Irregular, Kind
from infra.prove.events import Published
from schemas.ids import attempt_of, seq_of

TERMINAL_KINDS = frozenset({"completed", "stopped", "failed"})


@dataclass(slots=True)
class _Row:
    """The numbers of one attempt: the newest one, and what is missing below it."""

    newest: int
    holes: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class TopicReading:
    """`attempts`: by attempt, each frame's first bytes by its number. `ends`: distinct terminal frames, by bytes."""

    attempts: dict[int, dict[int, bytes]] = field(default_factory=dict)
    ends: dict[bytes, int] = field(default_factory=dict)
    irregular: list[Irregular] = field(default_factory=list)


def read_topic(records: Iterable[Published]) -> TopicReading:
    """Reads a turn's records in the order of their partition."""
    reading = TopicReading()
    rows: dict[int, _Row] = {}
    for record in records:
        # 0 is the edges' `asked`, which any of them may repeat.
        if record.seq is not None and (attempt := attempt_of(record.seq)) > 0:
            _place(reading, rows.setdefault(attempt, _Row(seq_of(attempt, 0) - 1)), record.seq, record)
    for row in rows.values():
        if row.holes:
            _note(reading, Kind.SKIPPED, min(row.holes))
    _note_what_follows_ends(reading, rows)
    return reading


def _place(reading: TopicReading, row: _Row, seq: int, record: Published) -> None:
    raw = bytes(record.frame)
    frames = reading.attempts.setdefault(attempt_of(seq), {})
    is_end = record.kind in TERMINAL_KINDS
    if is_end:
        reading.ends.setdefault(raw, seq)
    if seq in frames:
        # Two writers of one attempt; two different ends are `two_ends.py`'s to say.
        if frames[seq] != raw and not is_end:
            _note(reading, Kind.REPEATED, seq)
        return
    frames[seq] = raw
    if seq in row.holes:
        row.holes.discard(seq)
        _note(reading, Kind.LATE, seq)
    else:
        row.holes.update(range(row.newest + 1, seq))
        row.newest = seq


def _note_what_follows_ends(reading: TopicReading, rows: dict[int, _Row]) -> None:
    for end_seq in reading.ends.values():
        newest = rows[attempt_of(end_seq)].newest
        if newest > end_seq and newest not in reading.ends.values():
            _note(reading, Kind.AFTER_END, newest)


def _note(reading: TopicReading, kind: Kind, seq: int) -> None:
    reading.irregular.append(Irregular(kind, "topic", seq))
