"""Local accounts, for installations without an identity provider: what an admin and `samvad users` do with them.

In: names, passwords, roles. Out: changed accounts, whose sign-ins end where they must.
"""

from collections.abc import Callable
from typing import Protocol

from schemas.roles import Role
from store.sign_in_rows import UserChange, UserRow
from ws_edge.signing_in.asking_store import asked
from ws_edge.signing_in.names import check_password, kept_name, local_user_id
from ws_edge.signing_in.passwords import Passwords
from ws_edge.signing_in.signing_out import SigningOut


class NoSuchUser(LookupError):
    """There is no local account of this name."""


class NameTaken(ValueError):
    """There is one already."""


class UserRows(Protocol):
    """The store's users. Raises StoreUnavailable."""

    async def get(self, user_id: str) -> UserRow | None: ...
    async def add(self, row: UserRow) -> bool: ...
    async def change(self, user_id: str, change: UserChange) -> bool: ...
    async def accounts(self, limit: int, after: str | None = None) -> list[UserRow]: ...


class Accounts:
    """Every method raises SignInUnavailable when the store does not answer, and BadName for what is no name."""

    def __init__(
        self, users: UserRows, passwords: Passwords, signing_out: SigningOut, clock_ms: Callable[[], int]
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._signing_out = signing_out
        self._clock_ms = clock_ms

    async def add(self, name: str, password: str, role: Role = Role.USER) -> UserRow:
        """Raises NameTaken and BadPassword."""
        kept = kept_name(name)
        check_password(password)
        row = UserRow(
            user_id=local_user_id(kept),
            name=kept,
            password_hash=await self._passwords.hash(password),
            role=role,
            created_at_ms=self._clock_ms(),
        )
        if not await asked(self._users.add(row)):
            raise NameTaken(kept)
        return row

    async def page(self, limit: int, after: str | None = None) -> list[UserRow]:
        """Some of all accounts; `after`: the last `user_id` of the page before."""
        return await asked(self._users.accounts(limit, after))

    async def of_id(self, user_id: str) -> UserRow:
        """Raises NoSuchUser."""
        row = await asked(self._users.get(user_id))
        if row is None or row.name is None:
            raise NoSuchUser(user_id)
        return row

    async def of_name(self, name: str) -> UserRow:
        """Raises NoSuchUser."""
        return await self.of_id(local_user_id(kept_name(name)))

    async def set_password(self, user_id: str, password: str) -> None:
        """Ends every sign-in of the account; its API keys stay. Raises NoSuchUser and BadPassword."""
        check_password(password)
        changed = UserChange(password_hash=await self._passwords.hash(password))
        self._refuse_unknown(user_id, await self._signing_out.change_account(user_id, changed, with_keys=False))

    async def set_role(self, user_id: str, role: Role) -> None:
        """Counts within 5 s, for open sign-ins too. Raises NoSuchUser."""
        self._refuse_unknown(user_id, await asked(self._users.change(user_id, UserChange(role=role))))

    async def disable(self, user_id: str) -> None:
        """Nobody signs in as this user, by password or by key, and whoever did is signed out. Raises NoSuchUser."""
        changed = UserChange(disabled=True)
        self._refuse_unknown(user_id, await self._signing_out.change_account(user_id, changed, with_keys=True))

    async def enable(self, user_id: str) -> None:
        """Lets the user sign in again. Raises NoSuchUser."""
        self._refuse_unknown(user_id, await asked(self._users.change(user_id, UserChange(disabled=False))))

    async def sign_out(self, user_id: str) -> None:
        """Ends every sign-in of the account. Raises NoSuchUser."""
        await self.of_id(user_id)
        await self._signing_out.end_all(user_id)

    @staticmethod
    def _refuse_unknown(user_id: str, is_known: bool) -> None:
        if not is_known:
            raise NoSuchUser(user_id)
