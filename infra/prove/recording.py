"""The history of a run, as it is written: one file of events, and counts for whoever watches.

In: events. Out: lines of a file that `events.py:read_history` reads.
"""

from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.prove.events import AnyEvent, line_of

BUFFER_BYTES = 64 * 1024


class Recorder:
    """`counts`: how many events of each kind so far."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.counts: Counter[str] = Counter()
        self._lines = file.open("ab", buffering=BUFFER_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()

    def write(self, event: AnyEvent) -> None:
        self._lines.write(line_of(event))
        self.counts[str(event.__struct_config__.tag)] += 1
