"""How many requests a second a deployment takes, learned from its refusals. Pure: times are seconds of one clock.

There is no limit until the first 429. From then on there is a bucket that is filled at the rate at which requests were
taken before, a tenth less. Each later flight of 429s cuts the rate again; between them it grows, slowly at first and
then faster (as TCP's CUBIC does), because the refusal may have been a moment's, or other workers may use less by now.
Each worker learns alone: growth is an amount and a cut is a share, so the rates of several come together.
"""

from collections import deque

from consumers.llm.gates_told import NOTHING_TOLD, ToldLimits

MEASURED_SECONDS = 5.0
"""Over so long the rate of taken requests is measured."""
KEPT_SHARE = 0.9
SMALLEST_KEPT_SHARE = 0.5
"""A measurement with few requests in it may not cut deeper than this."""
GROWTH_SHARE = 0.05
"""Of the highest rate known or told, per second, right after a cut."""
GROWTH_DOUBLES_SECONDS = 5.0
USED_SHARE = 2.0
"""A rate is not grown above so many times what is measured."""
PAUSE_SECONDS = 1.0
"""After a 429 that does not say when to come again."""
LONGEST_PAUSE_SECONDS = 3600.0
TOLD_RATE_SECONDS = 30.0
"""For so long the rate is not grown above the one that the provider told: its limits may change."""
FIRST_RATE = 1.0
"""Requests a second, where a 429 came before any request was taken."""


class RateLimit:
    """One deployment's bucket. `rate` is None while no limit is known."""

    def __init__(self) -> None:
        self.rate: float | None = None
        self._highest = 0.0
        self._tokens = 0.0
        self._filled_at = 0.0
        self._grown_at = 0.0
        self._cut_at = float("-inf")
        self._paused_until = float("-inf")
        self._told_rate = float("inf")
        self._told_at = float("-inf")
        self._taken: deque[float] = deque()

    def wait_seconds(self, now: float, ahead: int = 0) -> float:
        """Until a request may be made, if `ahead` others are made before it; 0: now."""
        if self.rate is None:
            return 0.0
        start = max(now, self._paused_until)
        missing = 1 + ahead - self._tokens_at(start)
        return start - now + max(0.0, missing / self.rate)

    def ask(self, now: float) -> None:
        """A request is made."""
        if self.rate is not None:
            self._tokens = self._tokens_at(now) - 1
            self._filled_at = max(now, self._filled_at)

    def taken(self, now: float, told: ToldLimits = NOTHING_TOLD) -> None:
        """The provider took a request."""
        self._taken.append(now)
        self._forget_old(now)
        self._hear(now, told)
        if self.rate is not None:
            self._grow(now)

    def refused(self, asked_at: float, now: float, told: ToldLimits = NOTHING_TOLD) -> None:
        """The provider answered 429 to a request of `asked_at`. One flight of requests cuts the rate once, and pauses
        as from its first refusal: the others were answered at the same time, and only heard of later.
        """
        pause = PAUSE_SECONDS if told.retry_after_seconds is None else told.retry_after_seconds
        self._hear(now, told)
        since = asked_at
        if asked_at > self._cut_at:
            self._cut(now)
            since = now
        self._pause_until(since + min(pause, LONGEST_PAUSE_SECONDS))

    def _hear(self, now: float, told: ToldLimits) -> None:
        if told.rate is not None:
            self._told_rate, self._told_at = told.rate, now
        elif now - self._told_at > TOLD_RATE_SECONDS:
            self._told_rate = float("inf")

    @property
    def _known_told(self) -> float:
        return self._told_rate if self._told_rate < float("inf") else 0.0

    def _cut(self, now: float) -> None:
        measured = self._measured(now)
        if self.rate is None:
            self.rate = KEPT_SHARE * min(max(measured, FIRST_RATE, self._known_told / 2), self._told_rate)
        else:
            self.rate = max(SMALLEST_KEPT_SHARE * self.rate, KEPT_SHARE * min(self.rate, measured))
        self._highest = max(self._highest, self.rate)
        self._cut_at = self._grown_at = now

    def _pause_until(self, until: float) -> None:
        """After it, what a second's pause saved up may go at once, and the others follow at the rate."""
        if until > self._paused_until:
            self._paused_until = self._filled_at = until
            self._tokens = max(1.0, self.rate or 0.0) if until - self._cut_at >= 1 else 1.0

    def _grow(self, now: float) -> None:
        """Only while requests are taken at about this rate: one that nobody uses proves nothing."""
        assert self.rate is not None
        seconds = min(1.0, now - self._grown_at)
        since_cut = (now - self._cut_at) / GROWTH_DOUBLES_SECONDS
        self._tokens = self._tokens_at(now)
        self._filled_at = max(now, self._filled_at)
        self._grown_at = now
        if self.rate > FIRST_RATE and self.rate > USED_SHARE * self._measured(now):
            return
        scale = max(self._highest, self._known_told)
        grown = self.rate + GROWTH_SHARE * scale * (1 + since_cut**2) * seconds
        self.rate = min(grown, max(self.rate, self._told_rate))
        self._highest = max(self._highest, self.rate)

    def _tokens_at(self, now: float) -> float:
        """What a second brings may be saved up, and at least one."""
        assert self.rate is not None
        filled = self._tokens + max(0.0, now - self._filled_at) * self.rate
        return min(filled, max(1.0, self.rate))

    def _measured(self, now: float) -> float:
        self._forget_old(now)
        if not self._taken:
            return 0.0
        return len(self._taken) / max(1.0, now - self._taken[0])

    def _forget_old(self, now: float) -> None:
        while self._taken and self._taken[0] < now - MEASURED_SECONDS:
            self._taken.popleft()
