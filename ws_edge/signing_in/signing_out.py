"""Signing out: the end is stored first, so that no edge can miss it, and then told to all of them.

In: a sign-in, a key, or a user. Out: ended in the store, this edge's sockets closed, and a notice on `chat.replies`
under the user's key (DESIGN 6), which closes the sockets of the others.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from producers.errors import WriteError
from schemas import codec
from schemas.edge_notices import SIGNED_OUT_ADDRESS, SignedOut
from schemas.headers import ReplyAddress
from schemas.ids import new_id
from store.sign_in_rows import SignInRow, UserChange
from ws_edge.sign_in import SignInUnavailable
from ws_edge.signing_in.asking_store import asked

log = structlog.get_logger(__name__)

TELL_SECONDS = 5.0
"""Whoever signs out waits this long for the broker; what is not told by then is told later."""
AGAIN_SECONDS = 1.0

Here = Callable[[str, SignedOut], None]
"""Takes a notice of a user on this very process."""


class Notices(Protocol):
    """Writes to `chat.replies`."""

    def publish_bytes(self, user_id: str, address: ReplyAddress, value: bytes) -> asyncio.Future[None]:
        """Ends when the broker has it. Raises NotAttempted at once when too much is waiting."""


class SignInRows(Protocol):
    """The store's sign-ins. Raises StoreUnavailable."""

    async def end(self, sign_in_id: str, expires_at_ms: int) -> None: ...


class UserRows(Protocol):
    """The store's users. Raises StoreUnavailable."""

    async def change(self, user_id: str, change: UserChange) -> bool: ...
    async def renew_generation(self, user_id: str, generation: str) -> None: ...


class KeyRows(Protocol):
    """The store's API keys. Raises StoreUnavailable."""

    async def remove(self, user_id: str, key_id: str) -> None: ...


class SigningOut:
    """What the store has is ended, whatever is raised after; SignInUnavailable says that not all edges know it yet."""

    def __init__(
        self, sign_ins: SignInRows, users: UserRows, keys: KeyRows, notices: Notices | None, here: Here | None = None
    ) -> None:
        self._sign_ins = sign_ins
        self._users = users
        self._keys = keys
        self._notices = notices
        self._here = here
        self._telling: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Gives up on telling what nobody could be told until now."""
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def end(self, row: SignInRow) -> None:
        """Ends one sign-in."""
        await asked(self._sign_ins.end(row.sign_in_id, row.expires_at_ms))
        await self._tell(row.user_id, SignedOut(sign_in_id=row.sign_in_id))

    async def end_all(self, user_id: str) -> None:
        """Ends every sign-in of the user, everywhere. API keys stay."""
        generation = new_id()
        await asked(self._users.renew_generation(user_id, generation))
        await self._tell(user_id, SignedOut(generation=generation))

    async def change_account(self, user_id: str, change: UserChange, with_keys: bool) -> bool:
        """Changes a local account and ends every sign-in of it; False if there is none."""
        generation = new_id()
        changed = UserChange(
            password_hash=change.password_hash, role=change.role, disabled=change.disabled, generation=generation
        )
        if not await asked(self._users.change(user_id, changed)):
            return False
        await self._tell(user_id, SignedOut(generation=generation, with_keys=with_keys))
        return True

    async def revoke(self, user_id: str, key_id: str) -> None:
        """Takes an API key away."""
        await asked(self._keys.remove(user_id, key_id))
        await self._tell(user_id, SignedOut(sign_in_id=key_id))

    async def _tell(self, user_id: str, notice: SignedOut) -> None:
        if self._here is not None:
            self._here(user_id, notice)
        if self._notices is None:
            return
        telling = asyncio.create_task(self._tell_others(self._notices, user_id, codec.encode(notice)))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
        told, _ = await asyncio.wait([telling], timeout=TELL_SECONDS)
        if not told:
            raise SignInUnavailable("ended, but not every edge has heard of it yet")

    async def _tell_others(self, notices: Notices, user_id: str, notice: bytes) -> None:
        """Again and again, also when nobody waits for it any more."""
        while True:
            try:
                return await notices.publish_bytes(user_id, SIGNED_OUT_ADDRESS, notice)
            except WriteError as error:
                log.warning("sign_out_not_told", user_id=user_id, reason=str(error))
            await asyncio.sleep(AGAIN_SECONDS)
