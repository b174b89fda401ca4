"""`/v1/admin/users`: local accounts, for admins. For everybody else there is nothing here."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query

from ws_edge.current_user import CurrentAdmin
from ws_edge.signing_in.desk import Desk
from ws_edge.signing_in.rest_words import NewUser, UserModel, UsersPage, user_model
from ws_edge.signing_in.route_errors import refusals_named

Limit = Annotated[int, Query(ge=1, le=200)]


class AdminRoutes:
    """The routes, as methods."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, router: APIRouter) -> None:
        tags, one = ["administration"], "/admin/users/{user_id}"
        router.add_api_route("/admin/users", self.list_users, methods=["GET"], tags=[*tags])
        router.add_api_route("/admin/users", self.create, methods=["POST"], status_code=201, tags=[*tags])
        router.add_api_route(f"{one}/disable", self.disable, methods=["POST"], status_code=204, tags=[*tags])
        router.add_api_route(f"{one}/enable", self.enable, methods=["POST"], status_code=204, tags=[*tags])
        router.add_api_route(f"{one}/sign-out", self.sign_out, methods=["POST"], status_code=204, tags=[*tags])

    async def list_users(self, admin: CurrentAdmin, limit: Limit = 50, after: uuid.UUID | None = None) -> UsersPage:
        """The local accounts, page by page."""
        rows = await self._desk.accounts.page(limit + 1, None if after is None else str(after))
        page = rows[:limit]
        return UsersPage(users=[user_model(row) for row in page], next=page[-1].user_id if len(rows) > limit else None)

    async def create(self, admin: CurrentAdmin, wish: NewUser) -> UserModel:
        """Makes a local account."""
        with refusals_named():
            return user_model(await self._desk.accounts.add(wish.name, wish.password.get_secret_value(), wish.role))

    async def disable(self, admin: CurrentAdmin, user_id: uuid.UUID) -> None:
        """Signs the user out everywhere, and lets nobody in as them until they are enabled again."""
        with refusals_named():
            await self._desk.accounts.disable(str(user_id))

    async def enable(self, admin: CurrentAdmin, user_id: uuid.UUID) -> None:
        """Lets the user sign in again."""
        with refusals_named():
            await self._desk.accounts.enable(str(user_id))

    async def sign_out(self, admin: CurrentAdmin, user_id: uuid.UUID) -> None:
        """Ends every sign-in of the user."""
        with refusals_named():
            await self._desk.accounts.sign_out(str(user_id))
