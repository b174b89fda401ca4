"""What the store said lately about sign-ins and API keys, so that not every REST request asks it.

In: how to read one, and how old an answer may be. Out: its identity. What this edge was told meanwhile counts at once:
an answer that was under way when a notice came is not believed, and asked for again.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from store.errors import StoreUnavailable
from ws_edge.sign_in import Identity, SignInUnavailable

MAX_REMEMBERED = 20_000
MAX_READS = 5

Read = Callable[[], Awaitable[Identity]]
"""Raises NotSignedIn or StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class _Checked:
    identity: Identity
    at: float


class LatelyChecked:
    """`now` gives monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._checked: OrderedDict[str, _Checked] = OrderedDict()
        self._notices = 0

    async def identity(self, key: str, max_age_seconds: float, read: Read) -> Identity:
        """Raises NotSignedIn or SignInUnavailable."""
        checked = self._checked.get(key)
        if checked is not None and self._now() - checked.at < max_age_seconds:
            return checked.identity
        self._checked.pop(key, None)
        for _ in range(MAX_READS):
            notices, began_at = self._notices, self._now()
            try:
                identity = await read()
            except StoreUnavailable as error:
                raise SignInUnavailable(str(error)) from error
            if notices == self._notices:
                self._remember(key, _Checked(identity, began_at))
                return identity
        raise SignInUnavailable("too much changes to tell")

    def forget(self, user_id: str) -> None:
        """Something of this user has ended."""
        self._notices += 1
        gone = [key for key, checked in self._checked.items() if checked.identity.user_id == user_id]
        for key in gone:
            del self._checked[key]

    def _remember(self, key: str, checked: _Checked) -> None:
        self._checked[key] = checked
        while len(self._checked) > MAX_REMEMBERED:
            self._checked.popitem(last=False)
