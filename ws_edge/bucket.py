"""How fast a client may speak: a bucket of tokens that fills with time. Pure."""


class Bucket:
    """Allows `burst` at once and `per_second` in the long run."""

    __slots__ = ("_at", "_burst", "_left", "_per_second")

    def __init__(self, per_second: float, burst: int, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left = float(burst)
        self._at = now

    def take(self, now: float) -> bool:
        """False if it is empty."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def seconds_to_wait(self) -> float:
        """After a refusal: how long until there is something to take."""
        return max(0.0, 1 - self._left) / self._per_second
