"""Refresh tokens: each is replaced by the next one, and for a short while gives that same next one again.

In: a refresh token. Out: new tokens, or the news that it was copied. The next token's name is derived from the one
before with the edges' secret. So whoever asks twice, two pages at once or a client that never heard the answer, gets
the very same token, and a write whose outcome nobody told is recognised as one's own by what it wrote.
"""

import structlog
from msgspec.structs import replace

from store.errors import StoreUnavailable
from store.sign_in_rows import Rotation, SignInRow
from ws_edge.sign_in import NotSignedIn, SignInUnavailable
from ws_edge.signing_in.asking_store import asked
from ws_edge.signing_in.secrets_kept import hash_of
from ws_edge.signing_in.sign_ins import SignInParts, SignIns, Tokens, identity_of, text_claim
from ws_edge.signing_in.signed_tokens import REFRESH

log = structlog.get_logger(__name__)


class RefreshReused(NotSignedIn):
    """An old refresh token came back: it was copied, by its owner or by a thief. The sign-in has to end."""

    def __init__(self, row: SignInRow) -> None:
        super().__init__("an old refresh token was used again")
        self.row = row


class Refreshing:
    """`sign_ins` makes the tokens."""

    def __init__(self, parts: SignInParts, sign_ins: SignIns) -> None:
        self._parts = parts
        self._sign_ins = sign_ins

    async def refresh(self, refresh_token: str) -> Tokens:
        """New tokens for the newest refresh token, and within the grace for the one just before it.

        Raises NotSignedIn, RefreshReused for any older one, and SignInUnavailable: the same one may be tried again.
        """
        claims = self._parts.tokens.read(refresh_token, REFRESH)
        row = await self._checked(text_claim(claims, "sid"))
        refresh_id = text_claim(claims, "jti")
        next_id = self._parts.tokens.derived(refresh_id)
        rotation = Rotation(old_hash=hash_of(refresh_id), new_hash=hash_of(next_id), at_ms=self._parts.clock_ms())
        row = await self._replaced(row, rotation)
        if not self._is_newest(row, rotation):
            # What was read may be older than the token, where another datacenter made it. The end would be for good.
            row = await self._replaced(await self._read_now(row.sign_in_id), rotation)
        if not self._is_newest(row, rotation):
            raise RefreshReused(row)
        return self._sign_ins.tokens_of(row, next_id)

    def _is_newest(self, row: SignInRow, rotation: Rotation) -> bool:
        return is_newest(row, rotation, self._parts.settings.refresh_grace_seconds)

    async def _checked(self, sign_in_id: str) -> SignInRow:
        row = _known(await asked(self._parts.rows.get(sign_in_id)))
        identity_of(row, await asked(self._parts.users.get(row.user_id)))
        return row

    async def _replaced(self, row: SignInRow, rotation: Rotation) -> SignInRow:
        return await self._rotated(row, rotation) if row.refresh_hash == rotation.old_hash else row

    async def _rotated(self, row: SignInRow, rotation: Rotation) -> SignInRow:
        """The row after the rotation, by whomever: by this request, heard of or not, or by one at the same moment."""
        try:
            if await self._parts.rows.rotate(row.sign_in_id, rotation, row.expires_at_ms):
                return replace(row, refresh_hash=rotation.new_hash, rotated_at_ms=rotation.at_ms)
        except StoreUnavailable as error:
            log.info("refresh_outcome_unknown", reason=str(error))
        now = await self._read_now(row.sign_in_id)
        if now.refresh_hash == rotation.old_hash:
            raise SignInUnavailable("the refresh token was not replaced")
        return now

    async def _read_now(self, sign_in_id: str) -> SignInRow:
        now = _known(await asked(self._parts.rows.get_now(sign_in_id)))
        if now.ended:
            raise NotSignedIn("the sign-in has ended")
        return now


def is_newest(row: SignInRow, rotation: Rotation, grace_seconds: float) -> bool:
    """Whether what the rotation wants is how it is: since this moment, or since less than the grace. Pure."""
    if row.refresh_hash != rotation.new_hash or row.rotated_at_ms is None:
        return False
    return row.rotated_at_ms == rotation.at_ms or rotation.at_ms - row.rotated_at_ms < grace_seconds * 1000


def _known(row: SignInRow | None) -> SignInRow:
    if row is None:
        raise NotSignedIn("no such sign-in")
    return row
