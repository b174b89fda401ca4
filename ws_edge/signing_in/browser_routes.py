"""`/v1/session`: signing in and out in a browser, which keeps a cookie that no script can read."""

from contextlib import suppress

from fastapi import APIRouter, Request, Response

from schemas.errors import ErrorCode
from store.sign_in_rows import SignInRow
from ws_edge.client_address import client_address
from ws_edge.current_user import CurrentIdentity
from ws_edge.rest_errors import RestError
from ws_edge.sign_in import NotSignedIn, SignInUnavailable
from ws_edge.signing_in.cookies import cookie_set
from ws_edge.signing_in.counting import Way, counted
from ws_edge.signing_in.desk import Desk
from ws_edge.signing_in.ending import row_of_cookie
from ws_edge.signing_in.origins import is_of_foreign_page
from ws_edge.signing_in.rest_words import NameAndPassword, WhoIsThere, who_is_there
from ws_edge.signing_in.route_errors import refusals_named
from ws_edge.signing_in.sign_ins import Begun


class BrowserRoutes:
    """The routes, as methods."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, router: APIRouter) -> None:
        tags = ["signing in"]
        router.add_api_route("/session", self.sign_in, methods=["POST"], tags=[*tags])
        router.add_api_route("/session", self.who, methods=["GET"], tags=[*tags])
        router.add_api_route("/session", self.sign_out, methods=["DELETE"], status_code=204, tags=[*tags])

    async def sign_in(self, request: Request, response: Response, wish: NameAndPassword | None = None) -> WhoIsThere:
        """Sets the cookie: for a name and password, or for a bearer token of the identity provider."""
        if is_of_foreign_page(request.headers.raw, request.app.state.allowed_origins):
            raise RestError(403, ErrorCode.FORBIDDEN)
        with refusals_named(ErrorCode.NOT_AUTHENTICATED if wish is None else ErrorCode.WRONG_PASSWORD):
            former = await row_of_cookie(self._desk, request)
            with counted(self._desk.count, Way.PROVIDER if wish is None else Way.PASSWORD):
                begun = await (self._by_bearer(request) if wish is None else self._by_password(request, wish))
            await self._end_former(former)
        seconds = int((begun.row.expires_at_ms - begun.row.created_at_ms) / 1000)
        response.headers["set-cookie"] = cookie_set(request.headers.raw, begun.secret, seconds)
        return who_is_there(begun.identity)

    async def who(self, identity: CurrentIdentity) -> WhoIsThere:
        """Who is signed in here."""
        return who_is_there(identity)

    async def sign_out(self, request: Request, response: Response) -> None:
        """Ends this browser's sign-in and takes the cookie away. May be repeated."""
        row = await row_of_cookie(self._desk, request)
        if row is not None:
            await self._desk.signing_out.end(row)
        response.headers["set-cookie"] = cookie_set(request.headers.raw, "", 0)

    async def _by_password(self, request: Request, wish: NameAndPassword) -> Begun:
        password, address = wish.password.get_secret_value(), client_address(request.scope)
        user = await self._desk.passwords.let_in(wish.name, password, address)
        return await self._desk.sign_ins.begin(user.user_id, user.role, user)

    async def _by_bearer(self, request: Request) -> Begun:
        """Of others only: a token that one sign-in gave begins no other, which would outlive it."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise NotSignedIn("no token")
        identity = await self._desk.rest.check(token.strip())
        if identity.sign_in_id is not None:
            raise RestError(403, ErrorCode.FORBIDDEN)
        return await self._desk.sign_ins.begin_for_other(identity)

    async def _end_former(self, row: SignInRow | None) -> None:
        """Somebody may have been signed in with this browser before: their pages should not go on."""
        if row is not None and not row.ended:
            with suppress(SignInUnavailable):  # it has ended, or will: whoever signs in now need not wait for that
                await self._desk.signing_out.end(row)
