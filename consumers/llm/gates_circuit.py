"""Whether a deployment works at all: a circuit breaker. Pure: times in seconds of one clock, luck from outside.

Closed: everybody may ask. After several failures without an answer in between it is open: nobody may. After a pause it
is half open: one may ask, as a probe. If the probe is answered the circuit is closed; if not, the next pause is longer.
"""

FAILURES_THAT_OPEN = 5
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
PROBE_SECONDS = 1.0
"""How long after a probe began it is worth looking again; whoever waits is told earlier when it is decided."""


class Circuit:
    """One deployment's circuit."""

    def __init__(self) -> None:
        self._failures = 0
        self._pause_seconds = 0.0
        self._open_until: float | None = None
        self._is_probing = False

    @property
    def is_closed(self) -> bool:
        return self._open_until is None

    def wait_seconds(self, now: float, ahead: int = 0) -> float:
        """Until a request may be made, if `ahead` others are made before it; 0: now."""
        if self._open_until is None:
            return 0.0
        until_probe = max(0.0, self._open_until - now)
        return until_probe + PROBE_SECONDS if ahead or self._is_probing else until_probe

    def ask(self) -> bool:
        """A request is made: is it a probe? It is followed by one of `answered`, `failed` and `left`."""
        self._is_probing = self._open_until is not None
        return self._is_probing

    def answered(self) -> None:
        """The provider works. A refusal because of its limits says so too."""
        self._failures = 0
        self._pause_seconds = 0.0
        self._open_until = None
        self._is_probing = False

    def failed(self, now: float, luck: float, is_probe: bool = False) -> None:
        """The provider did not answer. `luck`, from 0 to 1, spreads the probes of many workers."""
        self._failures += 1
        if is_probe or (self._open_until is None and self._failures >= FAILURES_THAT_OPEN):
            self._pause_seconds = min(LONGEST_PAUSE_SECONDS, self._pause_seconds * 2 or FIRST_PAUSE_SECONDS)
            self._open_until = now + self._pause_seconds * (0.5 + luck / 2)
            self._is_probing = False

    def left(self, is_probe: bool) -> None:
        """Whoever asked went away before an answer: the next one may probe."""
        if is_probe:
            self._is_probing = False
