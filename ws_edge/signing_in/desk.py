"""Where the routes of signing in knock: everything of this edge that lets people in and out, put together.

In: the store's tables, the shared secret, the settings. Out: checks for `hello`, for REST and for cookies, and the
parts that the routes call.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ws_edge.clocks import Clocks
from ws_edge.sign_in import Identity, SignIn
from ws_edge.signing_in import accounts, api_keys, password_sign_in, sign_ins, signed_in_sockets, signing_out, tickets
from ws_edge.signing_in.accounts import Accounts
from ws_edge.signing_in.any_sign_in import AnySignIn
from ws_edge.signing_in.api_keys import ApiKeys, KeyParts
from ws_edge.signing_in.attempts import Attempts
from ws_edge.signing_in.counting import Count, Way, counted
from ws_edge.signing_in.jwks import Jwks
from ws_edge.signing_in.jwks_fetching import KeySource
from ws_edge.signing_in.lately_checked import LatelyChecked
from ws_edge.signing_in.oidc import OidcSignIn
from ws_edge.signing_in.oidc_settings import OidcSettings
from ws_edge.signing_in.our_tokens import AccessTokens, HelloTokens
from ws_edge.signing_in.password_sign_in import PasswordSignIn
from ws_edge.signing_in.passwords import Passwords
from ws_edge.signing_in.refreshing import Refreshing
from ws_edge.signing_in.settings import SignInSettings
from ws_edge.signing_in.sign_ins import SignInParts, SignIns
from ws_edge.signing_in.signed_in_sockets import SignedInSockets
from ws_edge.signing_in.signed_tokens import ISSUER, SignedTokens
from ws_edge.signing_in.signing_out import Notices, SigningOut
from ws_edge.signing_in.tickets import Tickets


class Users(
    accounts.UserRows,
    signing_out.UserRows,
    sign_ins.UserRows,
    password_sign_in.UserRows,
    signed_in_sockets.UserRows,
    Protocol,
):
    """The store's users."""


class SignInRows(sign_ins.SignInRows, signing_out.SignInRows, Protocol):
    """The store's sign-ins."""


class ApiKeyRows(api_keys.ApiKeyRows, signing_out.KeyRows, Protocol):
    """The store's API keys."""


@dataclass(frozen=True, slots=True)
class DeskParts:
    """What the composition root brings. `notices` writes to `chat.replies`."""

    secret: bytes
    users: Users
    sign_ins: SignInRows
    used_tickets: tickets.UsedTickets
    api_keys: ApiKeyRows
    notices: Notices
    settings: SignInSettings = field(default_factory=SignInSettings)
    oidc: OidcSettings = field(default_factory=OidcSettings)
    passwords: Passwords = field(default_factory=Passwords)
    clocks: Clocks = field(default_factory=Clocks)


class Desk:
    """One for each edge. `dev`: who checks development tokens, where they are taken. `count`: how sign-ins go."""

    def __init__(self, parts: DeskParts, dev: SignIn | None, dev_issuer: str, count: Count) -> None:
        clocks, settings = parts.clocks, parts.settings
        tokens = SignedTokens(parts.secret, lambda: clocks.epoch_ms() / 1000)
        lately = LatelyChecked(clocks.now)
        self.sockets = SignedInSockets(lately.forget, parts.users)
        sign_in_parts = SignInParts(parts.sign_ins, parts.users, tokens, lately, settings, clocks.epoch_ms)
        self.sign_ins = SignIns(sign_in_parts)
        self.refreshing = Refreshing(sign_in_parts, self.sign_ins)
        self.keys = ApiKeys(KeyParts(parts.api_keys, parts.users, lately, clocks.epoch_ms, settings.max_api_keys))
        self.tickets = Tickets(tokens, parts.used_tickets, settings.ticket_seconds)
        self.signing_out = SigningOut(parts.sign_ins, parts.users, parts.api_keys, parts.notices, self.sockets.take)
        self.accounts = Accounts(parts.users, parts.passwords, self.signing_out, clocks.epoch_ms)
        attempts = Attempts(settings.sign_in_attempts, settings.sign_in_attempt_seconds)
        self.passwords = PasswordSignIn(parts.users, parts.passwords, attempts, clocks.now)
        self.count = count
        self.now: Callable[[], float] = clocks.now
        self._provider_keys = Jwks(KeySource(parts.oidc), clocks.now)
        others = _others(parts.oidc, self._provider_keys, dev, dev_issuer)
        self.rest: SignIn = AnySignIn(others | {ISSUER: AccessTokens(self.sign_ins)}, self.keys)
        self.hello: SignIn = AnySignIn(
            others | {ISSUER: HelloTokens(self.sign_ins, self.keys, self.tickets)}, self.keys
        )

    async def check_hello(self, token: str) -> Identity:
        """Whose session it is to be. Raises NotSignedIn or SignInUnavailable."""
        with counted(self.count, Way.HELLO):
            return await self.hello.check(token)

    async def check_cookie(self, secret: str) -> Identity:
        """Whose browser opens a session. Raises NotSignedIn or SignInUnavailable."""
        with counted(self.count, Way.COOKIE):
            return await self.sign_ins.check_cookie(secret)

    async def close(self) -> None:
        """Ends what runs in the background."""
        await self._provider_keys.close()
        await self.sockets.close()
        await self.signing_out.close()


def _others(oidc: OidcSettings, keys: Jwks, dev: SignIn | None, dev_issuer: str) -> dict[str, SignIn]:
    """Who else vouches for people here."""
    issuers: dict[str, SignIn] = {}
    if dev is not None:
        issuers[dev_issuer] = dev
    if oidc.oidc_issuer is not None:
        issuers[oidc.oidc_issuer] = OidcSignIn(oidc, keys)
    return issuers
