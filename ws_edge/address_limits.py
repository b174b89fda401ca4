"""How much one client address may open and ask for (G7). Pure.

In: addresses, and the time. Out: refusals with the seconds after which another try may go better. A loopback address
is not counted: it is this machine itself, or a proxy on it that SAMVAD_TRUSTED_PROXIES does not name, behind which one
limit for everybody would be worse than none.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from ws_edge.bucket import Bucket
from ws_edge.client_address import UNKNOWN
from ws_edge.loopback import is_loopback

MAX_REMEMBERED = 50_000
"""Addresses whose pace is remembered, some 15 MB. Beyond it the one that was silent for longest is forgotten."""
REQUEST_BURST_SECONDS = 5
"""A page that opens asks for several things at once, and so do all the pages of an office in the morning."""
RETRY_WHEN_FULL_SECONDS = 30.0
"""Nobody knows when an open connection will end."""


class Limited(StrEnum):
    """Which limit of an address was met."""

    CONNECTIONS = "address_connections"
    """It has as many open connections, websockets and event streams, as it may."""
    NEW_CONNECTIONS = "address_new_connections"
    """It opens connections too fast."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not now; `seconds` until another try may go better."""

    reason: Limited
    seconds: float


@dataclass(frozen=True, slots=True)
class AddressRules:
    """Each of them 0: no such limit."""

    max_open: int
    new_per_minute: int
    requests_per_second: float


class AddressLimits:
    """What every address has open, and how fast it comes."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        self._open: Counter[str] = Counter()
        self._opening = Paces(rules.new_per_minute / 60, rules.new_per_minute)
        self._asking = Paces(rules.requests_per_second, int(rules.requests_per_second * REQUEST_BURST_SECONDS) or 1)

    def refusal_of_connection(self, address: str, now: float) -> Refused | None:
        """Why this address may not open another connection; a refused try counts as one, too."""
        if not is_counted(address):
            return None
        if (seconds := self._opening.take(address, now)) is not None:
            return Refused(Limited.NEW_CONNECTIONS, seconds)
        if 0 < self._rules.max_open <= self._open[address]:
            return Refused(Limited.CONNECTIONS, RETRY_WHEN_FULL_SECONDS)
        return None

    @contextmanager
    def counted(self, address: str) -> Iterator[None]:
        """While the block runs, it is one of the address's open connections."""
        self._open[address] += 1
        try:
            yield
        finally:
            self._open[address] -= 1
            if self._open[address] <= 0:
                del self._open[address]

    def seconds_before_request(self, address: str, now: float) -> float | None:
        """None: it may ask now."""
        return self._asking.take(address, now) if is_counted(address) else None


class Paces:
    """A bucket for each address that was seen lately."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, address: str, now: float) -> float | None:
        """None if it may, else the seconds to wait. Everybody may where there is no limit."""
        if self._per_second <= 0:
            return None
        bucket = self._buckets.pop(address, None) or Bucket(self._per_second, self._burst, now)
        self._buckets[address] = bucket
        if len(self._buckets) > MAX_REMEMBERED:
            self._buckets.popitem(last=False)
        return None if bucket.take(now) else bucket.seconds_to_wait()


def is_counted(address: str) -> bool:
    """Whether this is one client's address, as far as is known."""
    return address != UNKNOWN and not is_loopback(address)
