"""Which sign-in a request to sign out means: also one that has ended already, so that it may be repeated.

In: the request's bearer token or cookie. Out: the row, or None if there is none to end. Raises NotSignedIn, RestError
403 for another page's request, and SignInUnavailable.
"""

from fastapi import Request

from schemas.errors import ErrorCode
from store.sign_in_rows import SignInRow
from ws_edge.rest_errors import RestError
from ws_edge.sign_in import NotSignedIn
from ws_edge.signing_in.any_sign_in import unverified_claims
from ws_edge.signing_in.api_keys import PREFIX
from ws_edge.signing_in.cookies import secret_in
from ws_edge.signing_in.desk import Desk
from ws_edge.signing_in.origins import may_change_by_cookie
from ws_edge.signing_in.signed_tokens import ISSUER


async def row_to_end(desk: Desk, request: Request) -> SignInRow | None:
    """By the bearer token, else by the cookie."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await _row_of_bearer(desk, token.strip())
    row = await row_of_cookie(desk, request)
    if row is None:
        raise NotSignedIn("no such sign-in")
    return row


async def row_of_cookie(desk: Desk, request: Request) -> SignInRow | None:
    """By the cookie alone."""
    secret = secret_in(request.headers.raw)
    if secret is None:
        return None
    if not may_change_by_cookie(request.method, request.headers.raw, request.app.state.allowed_origins):
        raise RestError(403, ErrorCode.FORBIDDEN)
    return await desk.sign_ins.row_of_cookie(secret)


async def _row_of_bearer(desk: Desk, token: str) -> SignInRow | None:
    if not token.startswith(PREFIX) and unverified_claims(token).get("iss") == ISSUER:
        return await desk.sign_ins.row_of_access(token)
    await desk.rest.check(token)
    return None
