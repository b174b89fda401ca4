"""How long this edge has been behind the log. Pure.

In: now and then, the log's end offsets and the positions reached. Out: seconds. Unlike a lag in records it tells a
burst from a reader that stands still (K8), and a broker that is away from an edge that is slow.
"""

from collections.abc import Hashable, Mapping


class Lag:
    """For each partition, the end that was seen and is not reached yet, and since when."""

    def __init__(self) -> None:
        self._unreached: dict[Hashable, tuple[int, float]] = {}

    def observe(self, ends: Mapping[Hashable, int], positions: Mapping[Hashable, int], now: float) -> None:
        """`ends` as the broker reports them; `positions`: the next offset to be read."""
        self.reached(positions)
        for partition, end in ends.items():
            if positions.get(partition, 0) < end:
                self._unreached.setdefault(partition, (end, now))

    def forget(self) -> None:
        """The broker is away: what can't be read now is not this reader's lag, however long it lasts."""
        self._unreached.clear()

    def reached(self, positions: Mapping[Hashable, int]) -> None:
        """Forgets the ends that were reached."""
        for partition, (end, _) in list(self._unreached.items()):
            if positions.get(partition, 0) >= end:
                del self._unreached[partition]

    def seconds(self, now: float) -> float:
        """The age of the oldest end that is still not reached; 0 if there is none. Any thread may ask."""
        return max((now - since for _, since in list(self._unreached.values())), default=0.0)
