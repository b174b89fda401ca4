"""`POST /v1/dev/sign-in`: a token for a name, for whoever is on this machine.

It answers on loopback only: the client must come from there, and must have asked for a loopback host by name, so that
no page from elsewhere reaches it by pointing its own host name here (DNS rebinding). Behind a proxy every client comes
from the proxy: with SAMVAD_DEV_SIGN_IN only the name counts, and that no other machine gets through is the proxy's part
(compose.yaml publishes it on loopback).
"""

from urllib.parse import urlsplit

from fastapi import APIRouter, Request

from ws_edge.dev_sign_in import BadName, DevSignIn
from ws_edge.loopback import is_loopback
from ws_edge.rest_errors import bad_field, not_found
from ws_edge.rest_models import ErrorModel, SignedIn, SignInRequest


def dev_sign_in_routes(dev_sign_in: DevSignIn, behind_proxy: bool = False) -> APIRouter:
    """The one route. `behind_proxy`: clients come from elsewhere, through a proxy that lets in only this machine."""
    router = APIRouter(prefix="/v1/dev", tags=["development"])

    @router.post("/sign-in", responses={404: {"model": ErrorModel}, 422: {"model": ErrorModel}})
    async def sign_in(request: Request, wish: SignInRequest) -> SignedIn:
        """Signs in under any name, without a password. On loopback only; elsewhere there is no such route."""
        if not (_asks_for_here(request) and (behind_proxy or _is_from_here(request))):
            raise not_found()
        try:
            token, identity = dev_sign_in.sign_in(wish.name)
        except BadName as error:
            raise bad_field("name") from error
        return SignedIn(token=token, user_id=identity.user_id)

    return router


def _is_from_here(request: Request) -> bool:
    return request.client is not None and is_loopback(request.client.host)


def _asks_for_here(request: Request) -> bool:
    return is_loopback(urlsplit(f"//{request.headers.get('host', '')}").hostname or "")
