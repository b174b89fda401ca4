"""Whose REST request this is: by `Authorization: Bearer`, else by the cookie of a browser that signed in.

A cookie alone changes nothing unless one of our own pages asks (CSRF). What the store says may be 5 s old.
"""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from schemas.errors import ErrorCode
from schemas.roles import Role
from ws_edge.rest_errors import RestError, not_found
from ws_edge.sign_in import Identity, NotSignedIn, SignIn
from ws_edge.signing_in.cookies import secret_in
from ws_edge.signing_in.origins import may_change_by_cookie

MAX_AGE_SECONDS = 5.0

_bearer = HTTPBearer(auto_error=False, description="A token that `hello` takes too, or an API key.")


async def current_identity(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Identity:
    """Who asks. Raises RestError 401 and 403, and SignInUnavailable."""
    secret = secret_in(request.headers.raw)
    try:
        if credentials is None and secret is not None:
            return await _by_cookie(request, secret)
        sign_in: SignIn = request.app.state.sign_in
        return await sign_in.check("" if credentials is None else credentials.credentials, MAX_AGE_SECONDS)
    except NotSignedIn as error:
        raise RestError(401, ErrorCode.NOT_AUTHENTICATED) from error


async def _by_cookie(request: Request, secret: str) -> Identity:
    identity: Identity = await request.app.state.check_cookie(secret, MAX_AGE_SECONDS)
    if not may_change_by_cookie(request.method, request.headers.raw, request.app.state.allowed_origins):
        raise RestError(403, ErrorCode.FORBIDDEN)
    return identity


CurrentIdentity = Annotated[Identity, Depends(current_identity)]


async def current_user(identity: CurrentIdentity) -> str:
    """The user's id."""
    return identity.user_id


CurrentUser = Annotated[str, Depends(current_user)]


async def current_person(identity: CurrentIdentity) -> Identity:
    """Somebody who signed in, and no program: a key that leaked must not make more keys. Raises RestError 403."""
    if identity.is_program:
        raise RestError(403, ErrorCode.FORBIDDEN)
    return identity


CurrentPerson = Annotated[Identity, Depends(current_person)]


async def current_admin(identity: CurrentIdentity) -> Identity:
    """An admin in person, for a key that leaked must make no more admins. Nobody else finds anything: RestError 404."""
    if identity.is_program or identity.role is not Role.ADMIN:
        raise not_found()
    return identity


CurrentAdmin = Annotated[Identity, Depends(current_admin)]
