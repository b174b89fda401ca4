"""Whose REST request this is: `Authorization: Bearer <token>`, checked by the same sign-in as `hello`."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from schemas.errors import ErrorCode
from ws_edge.rest_errors import RestError
from ws_edge.sign_in import NotSignedIn, SignIn

_bearer = HTTPBearer(auto_error=False, description="The token that `hello` takes too.")


async def current_user(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> str:
    """The user's id. Raises RestError 401."""
    sign_in: SignIn = request.app.state.sign_in
    try:
        return sign_in.check("" if credentials is None else credentials.credentials).user_id
    except NotSignedIn as error:
        raise RestError(401, ErrorCode.NOT_AUTHENTICATED) from error


CurrentUser = Annotated[str, Depends(current_user)]
