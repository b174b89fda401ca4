"""Every route of signing in, in one router."""

from typing import Any

from fastapi import APIRouter

from ws_edge.rest_models import ErrorModel
from ws_edge.signing_in.admin_routes import AdminRoutes
from ws_edge.signing_in.browser_routes import BrowserRoutes
from ws_edge.signing_in.desk import Desk
from ws_edge.signing_in.key_routes import KeyRoutes
from ws_edge.signing_in.token_routes import TokenRoutes

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorModel} for status in (401, 403, 404, 409, 422, 429, 503)
}


def sign_in_routes(desk: Desk) -> APIRouter:
    """All of them, documented."""
    router = APIRouter(prefix="/v1", responses=_ERRORS)
    for routes in (TokenRoutes(desk), BrowserRoutes(desk), KeyRoutes(desk), AdminRoutes(desk)):
        routes.add_to(router)
    return router
