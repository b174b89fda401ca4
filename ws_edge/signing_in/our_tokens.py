"""Checks what edges of this system signed: access tokens, and in `hello` tickets too.

In: a token. Out: whose it is, if the sign-in or key that it comes from still lasts.
"""

from ws_edge.sign_in import Identity
from ws_edge.signing_in.any_sign_in import unverified_claims
from ws_edge.signing_in.api_keys import ApiKeys
from ws_edge.signing_in.sign_ins import SignIns
from ws_edge.signing_in.signed_tokens import TICKET
from ws_edge.signing_in.tickets import Tickets


class AccessTokens:
    """What REST takes."""

    def __init__(self, sign_ins: SignIns) -> None:
        self._sign_ins = sign_ins

    async def check(self, token: str, max_age_seconds: float = 0.0) -> Identity:
        """Raises NotSignedIn or SignInUnavailable."""
        return await self._sign_ins.check_access(token, max_age_seconds)


class HelloTokens:
    """What `hello` takes: a socket that a ticket opened lives as long as the sign-in that asked for the ticket."""

    def __init__(self, sign_ins: SignIns, keys: ApiKeys, tickets: Tickets) -> None:
        self._sign_ins = sign_ins
        self._keys = keys
        self._tickets = tickets

    async def check(self, token: str, max_age_seconds: float = 0.0) -> Identity:
        """Raises NotSignedIn or SignInUnavailable."""
        if unverified_claims(token).get("aud") != TICKET:
            return await self._sign_ins.check_access(token, max_age_seconds)
        identity = await self._tickets.redeem(token)
        if identity.is_program:
            return await self._keys.check_again(identity)
        if identity.sign_in_id is not None:
            return await self._sign_ins.check(identity.sign_in_id, max_age_seconds)
        return identity
