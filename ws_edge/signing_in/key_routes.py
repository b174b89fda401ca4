"""`/v1/api-keys`: the keys of a user's programs."""

import uuid

from fastapi import APIRouter

from ws_edge.current_user import CurrentPerson
from ws_edge.rest_errors import not_found
from ws_edge.signing_in.desk import Desk
from ws_edge.signing_in.rest_words import ApiKeysModel, MadeKey, NewKey, api_key_model
from ws_edge.signing_in.route_errors import refusals_named


class KeyRoutes:
    """The routes, as methods."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, router: APIRouter) -> None:
        tags = ["API keys"]
        router.add_api_route("/api-keys", self.make, methods=["POST"], status_code=201, tags=[*tags])
        router.add_api_route("/api-keys", self.list_keys, methods=["GET"], tags=[*tags])
        router.add_api_route("/api-keys/{key_id}", self.revoke, methods=["DELETE"], status_code=204, tags=[*tags])

    async def make(self, identity: CurrentPerson, wish: NewKey) -> MadeKey:
        """Makes a key for a program. It is shown this once."""
        with refusals_named():
            key, row = await self._desk.keys.make(identity.user_id, wish.name)
        return MadeKey(key=key, **api_key_model(row).model_dump())

    async def list_keys(self, identity: CurrentPerson) -> ApiKeysModel:
        """The user's keys, but not the keys themselves."""
        rows = await self._desk.keys.of_user(identity.user_id)
        return ApiKeysModel(api_keys=[api_key_model(row) for row in rows])

    async def revoke(self, identity: CurrentPerson, key_id: uuid.UUID) -> None:
        """The key is good no more, within 5 s on every edge; its sockets are closed."""
        if str(key_id) not in {row.key_id for row in await self._desk.keys.of_user(identity.user_id)}:
            raise not_found()
        await self._desk.signing_out.revoke(identity.user_id, str(key_id))
