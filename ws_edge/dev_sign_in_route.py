"""`POST /v1/dev/sign-in`: a token for a name, for whoever is on this machine.

It answers on loopback only: the client must come from there, and must have asked for a loopback host by name, so that
no page from elsewhere reaches it by pointing its own host name here (DNS rebinding).
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import APIRouter, Request

from schemas.errors import ErrorCode
from ws_edge.dev_sign_in import BadName, DevSignIn
from ws_edge.rest_errors import RestError, not_found
from ws_edge.rest_models import ErrorModel, SignedIn, SignInRequest


def dev_sign_in_routes(dev_sign_in: DevSignIn) -> APIRouter:
    """The one route."""
    router = APIRouter(prefix="/v1/dev", tags=["development"])

    @router.post("/sign-in", responses={404: {"model": ErrorModel}, 422: {"model": ErrorModel}})
    async def sign_in(request: Request, wish: SignInRequest) -> SignedIn:
        """Signs in under any name, without a password. On loopback only; elsewhere there is no such route."""
        if not _is_from_here(request):
            raise not_found()
        try:
            token, identity = dev_sign_in.sign_in(wish.name)
        except BadName as error:
            raise RestError(422, ErrorCode.BAD_REQUEST) from error
        return SignedIn(token=token, user_id=identity.user_id)

    return router


def _is_from_here(request: Request) -> bool:
    client = "" if request.client is None else request.client.host
    return is_loopback(client) and is_loopback(urlsplit(f"//{request.headers.get('host', '')}").hostname or "")


def is_loopback(host: str) -> bool:
    """True for `localhost` and loopback addresses, in any spelling."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
