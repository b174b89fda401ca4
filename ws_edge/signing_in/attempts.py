"""How often somebody may try to sign in: per name, and per address. Pure; each edge counts for itself.

In: names and addresses, and the time. Out: how long the next attempt has to wait. Right passwords cost nothing.
"""

from collections import OrderedDict
from dataclasses import dataclass

from ws_edge.address_limits import is_counted

MAX_REMEMBERED = 20_000
"""Above this the one that tried longest ago is forgotten."""
ADDRESS_FACTOR = 10
"""An office behind one address has more people than one, and more typing mistakes."""


@dataclass(slots=True)
class _Tries:
    left: float
    at: float


class TooManyAttempts(Exception):
    """Not now. `retry_after_seconds` says when."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(f"{retry_after_seconds:.0f} s")
        self.retry_after_seconds = retry_after_seconds


class Attempts:
    """`burst` wrong attempts at once for each name, and one more every `seconds_each`."""

    def __init__(self, burst: int, seconds_each: float) -> None:
        self._burst = burst
        self._seconds_each = seconds_each
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def take(self, name: str, address: str, now: float) -> None:
        """Counts an attempt before it is made, so that many at once count too. Raises TooManyAttempts."""
        places = self._places(name, address)
        waits = [self._wait(key, factor, now) for key, factor in places]
        if (wait := max(waits)) > 0:
            raise TooManyAttempts(wait)
        for key, factor in places:
            self._count(key, self._left(key, factor, now) - 1, now)

    def give_back(self, name: str, address: str) -> None:
        """The password was right."""
        for key, factor in self._places(name, address):
            if (tries := self._tries.get(key)) is not None:
                tries.left = min(self._burst * factor, tries.left + 1)

    def _places(self, name: str, address: str) -> list[tuple[str, int]]:
        """Where it counts, and how much more is allowed there."""
        of_address = [(f"address {address}", ADDRESS_FACTOR)] if is_counted(address) else []
        return [(f"name {name}", 1), *of_address]

    def _wait(self, key: str, factor: int, now: float) -> float:
        """Seconds until one attempt is left. Nothing is remembered of an attempt that is refused."""
        return max(0.0, (1 - self._left(key, factor, now)) * self._seconds_each / factor)

    def _left(self, key: str, factor: int, now: float) -> float:
        tries = self._tries.get(key) or _Tries(self._burst * factor, now)
        return min(self._burst * factor, tries.left + (now - tries.at) * factor / self._seconds_each)

    def _count(self, key: str, left: float, now: float) -> None:
        self._tries.pop(key, None)
        self._tries[key] = _Tries(left, now)
        if len(self._tries) > MAX_REMEMBERED:
            self._tries.popitem(last=False)
