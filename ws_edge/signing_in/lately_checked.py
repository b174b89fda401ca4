"""What the store said lately about sign-ins and API keys, so that not every REST request asks it.

In: how to read one, and how old an answer may be. Out: its identity. What this edge was told meanwhile counts at once:
an answer that was under way when a notice came is not believed, and asked for again.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from store.errors import StoreUnavailable
from ws_edge.sign_in import Identity, SignInUnavailable

MAX_REMEMBERED = 20_000
"""Answers, and users of whom a notice came; those longest ago are forgotten."""
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
        self._keys_of: defaultdict[str, set[str]] = defaultdict(set)
        self._notices = 0
        self._newest_of: OrderedDict[str, int] = OrderedDict()
        self._newest_forgotten = 0

    async def identity(self, key: str, max_age_seconds: float, read: Read) -> Identity:
        """Raises NotSignedIn or SignInUnavailable."""
        checked = self._checked.get(key)
        if checked is not None and self._now() - checked.at < max_age_seconds:
            return checked.identity
        self._drop(key)
        for _ in range(MAX_READS):
            notices, began_at = self._notices, self._now()
            try:
                identity = await read()
            except StoreUnavailable as error:
                raise SignInUnavailable(str(error)) from error
            if self._newest_notice_of(identity.user_id) <= notices:
                self._remember(key, _Checked(identity, began_at))
                return identity
        raise SignInUnavailable("too much changes to tell")

    def forget(self, user_id: str) -> None:
        """Something of this user has ended."""
        self._notices += 1
        self._newest_of.pop(user_id, None)
        self._newest_of[user_id] = self._notices
        if len(self._newest_of) > MAX_REMEMBERED:
            self._newest_forgotten = self._newest_of.popitem(last=False)[1]
        for key in list(self._keys_of.get(user_id, ())):
            self._drop(key)

    def _newest_notice_of(self, user_id: str) -> int:
        """Only a user's own count: nobody holds up others by signing out again and again."""
        return self._newest_of.get(user_id, self._newest_forgotten)

    def _remember(self, key: str, checked: _Checked) -> None:
        self._drop(key)
        self._checked[key] = checked
        self._keys_of[checked.identity.user_id].add(key)
        if len(self._checked) > MAX_REMEMBERED:
            self._drop(next(iter(self._checked)))

    def _drop(self, key: str) -> None:
        checked = self._checked.pop(key, None)
        if checked is None:
            return
        keys = self._keys_of[checked.identity.user_id]
        keys.discard(key)
        if not keys:
            del self._keys_of[checked.identity.user_id]
