"""Tickets for `hello`: good for a minute, once, on whatever edge.

In: a signed-in user. Out: a ticket; and of a ticket, the user again, with the expiry of the session that asked for it.
A ticket is signed, so nothing is stored before it is used.
"""

from typing import Protocol

import structlog

from schemas.ids import new_id
from schemas.roles import Role
from store.errors import StoreUnavailable
from ws_edge.sign_in import Identity, NotSignedIn
from ws_edge.signing_in.asking_store import asked
from ws_edge.signing_in.sign_ins import text_claim
from ws_edge.signing_in.signed_tokens import TICKET, SignedTokens

log = structlog.get_logger(__name__)

EXTRA_SECONDS = 60
"""A used ticket is remembered this much longer than it is good, for clocks that differ."""


class UsedTickets(Protocol):
    """The store's memory of them. Raises StoreUnavailable."""

    async def use(self, ticket_id: str, nonce: str, ttl_seconds: int) -> bool: ...


class Tickets:
    """Issues and redeems."""

    def __init__(self, tokens: SignedTokens, used: UsedTickets, seconds: int) -> None:
        self._tokens = tokens
        self._used = used
        self._seconds = seconds

    def issue(self, identity: Identity) -> tuple[str, int]:
        """A ticket, and when it expires (seconds since 1970)."""
        claims = {
            "sub": identity.user_id,
            "jti": new_id(),
            "until": identity.expires_at,
            "role": identity.role.value,
            "sid": identity.sign_in_id,
            "gen": identity.generation,
            "program": identity.is_program,
        }
        expires_at = self._tokens.in_seconds(self._seconds)
        return self._tokens.sign(TICKET, expires_at, claims), expires_at

    async def redeem(self, ticket: str) -> Identity:
        """Whose it is, as of when it was issued: whether that sign-in has ended is the caller's to ask.

        Raises NotSignedIn, also for one that was used, and SignInUnavailable.
        """
        claims = self._tokens.read(ticket, TICKET)
        if not await self._use(text_claim(claims, "jti")):
            raise NotSignedIn("the ticket was used")
        return Identity(
            user_id=claims["sub"],
            expires_at=float(claims["until"]),
            role=Role(claims["role"]),
            sign_in_id=claims["sid"],
            generation=claims["gen"],
            is_program=claims["program"],
        )

    async def _use(self, ticket_id: str) -> bool:
        """Once more where the outcome is unknown: by its own nonce a first try is recognised that was written."""
        nonce, seconds = new_id(), self._seconds + EXTRA_SECONDS
        try:
            return await self._used.use(ticket_id, nonce, seconds)
        except StoreUnavailable as error:
            log.info("ticket_outcome_unknown", reason=str(error))
            return await asked(self._used.use(ticket_id, nonce, seconds))
