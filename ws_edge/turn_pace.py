"""How many turns a user began within the last minute, on any edge: each edge reads every `asked`. Pure.

In: users and the moments at which their turns were asked for. Out: the seconds until they may ask for another.
"""

from collections import OrderedDict, deque

WINDOW_SECONDS = 60.0


class TurnPace:
    """Turns per minute by user; what is older than a minute is forgotten. `per_minute` 0: no such limit."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._asked_at: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._asked_at)

    def asked(self, user_id: str, at: float, now: float) -> None:
        """The user began a turn then."""
        if self._per_minute and at > now - WINDOW_SECONDS:
            moments = self._asked_at.setdefault(user_id, deque(maxlen=self._per_minute))
            moments.append(at)
            self._asked_at.move_to_end(user_id)
        self._forget(now)

    def seconds_until_next(self, user_id: str, about_to_open: int, now: float) -> float | None:
        """None: another may be asked for now. `about_to_open`: those under way here that nobody has read yet."""
        if not self._per_minute:
            return None
        begun = [at for at in self._asked_at.get(user_id, ()) if at > now - WINDOW_SECONDS] + [now] * about_to_open
        if len(begun) < self._per_minute:
            return None
        return begun[-self._per_minute] + WINDOW_SECONDS - now

    def _forget(self, now: float) -> None:
        """Users who asked for nothing within the last minute."""
        while self._asked_at:
            user_id, moments = next(iter(self._asked_at.items()))
            if moments[-1] > now - WINDOW_SECONDS:
                return
            del self._asked_at[user_id]
