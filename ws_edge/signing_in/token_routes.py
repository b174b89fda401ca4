"""`/v1/sign-in`, `/v1/sign-out`, `/v1/ws-tickets`: for programs and apps that keep tokens."""

from fastapi import APIRouter, Request, Response

from schemas.clock import rfc3339
from schemas.errors import ErrorCode
from ws_edge.client_address import client_address
from ws_edge.current_user import CurrentIdentity, CurrentPerson
from ws_edge.rest_errors import RestError
from ws_edge.signing_in.cookies import cookie_set
from ws_edge.signing_in.counting import Way, counted
from ws_edge.signing_in.desk import Desk
from ws_edge.signing_in.ending import row_to_end
from ws_edge.signing_in.refreshing import RefreshReused
from ws_edge.signing_in.rest_words import NameAndPassword, Refresh, Ticket, TokensModel, tokens_model
from ws_edge.signing_in.route_errors import refusals_named


class TokenRoutes:
    """The routes, as methods."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, router: APIRouter) -> None:
        tags = ["signing in"]
        router.add_api_route("/sign-in", self.sign_in, methods=["POST"], tags=[*tags])
        router.add_api_route("/sign-in/refresh", self.refresh, methods=["POST"], tags=[*tags])
        router.add_api_route("/sign-out", self.sign_out, methods=["POST"], status_code=204, tags=[*tags])
        everywhere = "/sign-out-everywhere"
        router.add_api_route(everywhere, self.sign_out_everywhere, methods=["POST"], status_code=204, tags=[*tags])
        router.add_api_route("/ws-tickets", self.make_ticket, methods=["POST"], tags=[*tags])

    async def sign_in(self, request: Request, wish: NameAndPassword) -> TokensModel:
        """Signs in with the name and password of a local account."""
        with refusals_named(ErrorCode.WRONG_PASSWORD), counted(self._desk.count, Way.PASSWORD):
            password, address = wish.password.get_secret_value(), client_address(request.scope)
            user = await self._desk.passwords.let_in(wish.name, password, address)
            return tokens_model(await self._desk.sign_ins.begin_with_tokens(user.user_id, user.role, user))

    async def refresh(self, wish: Refresh) -> TokensModel:
        """The next two tokens. For some seconds the one before the newest gives the newest again, for an answer that
        got lost; an older one ends the sign-in, for somebody copied it.
        """
        with refusals_named():
            try:
                with counted(self._desk.count, Way.REFRESH):
                    return tokens_model(await self._desk.refreshing.refresh(wish.refresh_token))
            except RefreshReused as reused:
                await self._desk.signing_out.end(reused.row)
                raise

    async def sign_out(self, request: Request, response: Response) -> None:
        """Ends the sign-in that this request's token or cookie belongs to. May be repeated."""
        with refusals_named():
            row = await row_to_end(self._desk, request)
            if row is None:
                raise RestError(409, ErrorCode.NO_SIGN_IN)
            await self._desk.signing_out.end(row)
        _take_cookie_away(request, response)

    async def sign_out_everywhere(self, identity: CurrentPerson, request: Request, response: Response) -> None:
        """Ends every sign-in of the user, on every device. API keys stay: revoke them one by one."""
        await self._desk.signing_out.end_all(identity.user_id)
        _take_cookie_away(request, response)

    async def make_ticket(self, identity: CurrentIdentity) -> Ticket:
        """A ticket for one `hello`, for whoever has no token to say there."""
        ticket, expires_at = self._desk.tickets.issue(identity)
        return Ticket(ticket=ticket, expires_at=rfc3339(expires_at * 1000))


def _take_cookie_away(request: Request, response: Response) -> None:
    response.headers["set-cookie"] = cookie_set(request.headers.raw, "", 0)
