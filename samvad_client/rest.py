"""The REST side of the edge: sign in, list, read, rename and delete conversations, list models, read a turn's events.

In: the edge's address and a token. Out: plain rows, and frames. Raises EdgeRefused (with the edge's code), SignInAgain
and EdgeUnreachable.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from samvad_client.connection import is_loopback
from samvad_client.errors import EdgeRefused, EdgeUnreachable, SignInAgain
from samvad_client.events import events_of
from schemas import codec
from schemas.errors import ErrorCode
from schemas.frames import AnyServerFrame

TIMEOUT_SECONDS = 10.0
SILENCE_SECONDS = 60.0
"""More than two of the edge's heartbeats: a stream that says nothing for so long is dead."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in. `token` serves REST and the websocket."""

    token: str
    user_id: str


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """One of the user's conversations. `updated_at` is RFC 3339 UTC."""

    id: str
    title: str | None
    updated_at: str


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """Newest first. `next` is the `before` of the following page, None on the last."""

    conversations: list[ConversationRow]
    next: str | None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A stored message: `role` is `user` or `assistant`, `status` how its turn ended."""

    id: str
    role: str
    text: str
    parent_id: str | None
    model: str | None
    status: str | None
    created_at: str


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Oldest first within the page; pages go from the newest back. `next` is the following page's `before`."""

    messages: list[MessageRow]
    next: str | None


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model as users choose it."""

    alias: str
    title: str


@dataclass(frozen=True, slots=True)
class Models:
    """The offered models. `default` is an alias."""

    default: str
    models: list[ModelRow]


class EdgeRest:
    """`async with EdgeRest(edge_url) as rest: await rest.sign_in_with_password("asha", password)`.

    A token of an identity provider or an API key may also be given.
    """

    def __init__(self, edge_url: str, token: str | None = None) -> None:
        self._edge_url = edge_url
        self._token: str | None = None
        self._refresh_token: str | None = None
        self._refreshing = asyncio.Lock()
        self._http = httpx.AsyncClient(base_url=edge_url, timeout=TIMEOUT_SECONDS, trust_env=not is_loopback(edge_url))
        self.use(token)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def sign_in(self, name: str) -> SignedIn:
        """The development sign-in, which edges offer on loopback only. Later calls use the new token."""
        said = await self._call("POST", "/v1/dev/sign-in", json={"name": name})
        self.use(said["token"])
        return SignedIn(said["token"], said["user_id"])

    async def sign_in_with_password(self, name: str, password: str) -> SignedIn:
        """Signs in with a local account. Later calls use its token, which lasts some minutes: see `refresh`.

        Raises EdgeRefused: `wrong_password`, `too_many_sign_ins`.
        """
        return self._keep(await self._call("POST", "/v1/sign-in", json={"name": name, "password": password}))

    async def refresh(self) -> str:
        """The next token of a sign-in with a password. Raises SignInAgain once that has ended.

        Of several calls at once one asks. After EdgeUnreachable it may be called again: for some seconds the edge gives
        the same next token again, and later an old one ends the sign-in.
        """
        seen = self._refresh_token
        async with self._refreshing:
            if self._token is None or self._refresh_token is None:
                raise SignInAgain(ErrorCode.NOT_AUTHENTICATED.text)
            if self._refresh_token == seen:
                wish = {"refresh_token": self._refresh_token}
                self._keep(await self._call("POST", "/v1/sign-in/refresh", json=wish))
            return self._token

    async def ticket(self) -> str:
        """A token for one websocket, which lives as long as the sign-in. Good for a minute, once."""
        ticket: str = (await self._call("POST", "/v1/ws-tickets"))["ticket"]
        return ticket

    async def sign_out(self) -> None:
        """Ends the sign-in, and closes its websockets wherever they are."""
        await self._call("POST", "/v1/sign-out")

    def use(self, token: str | None) -> None:
        """Later calls use this token, or API key."""
        self._token = token
        if token is not None:
            self._http.headers["Authorization"] = f"Bearer {token}"

    async def conversations(self, *, limit: int = 50, before: str | None = None) -> ConversationPage:
        """The user's conversations, the one changed last first. `before`: `next` of the page before."""
        said = await self._call("GET", "/v1/conversations", params=_page(limit, before))
        rows = [ConversationRow(row["id"], row.get("title"), row["updated_at"]) for row in said["conversations"]]
        return ConversationPage(rows, said.get("next"))

    async def messages(self, conversation_id: str, *, limit: int = 50, before: str | None = None) -> MessagePage:
        """A conversation's stored messages, the newest page first. `before`: `next` of the page before."""
        said = await self._call("GET", f"/v1/conversations/{conversation_id}/messages", params=_page(limit, before))
        return MessagePage([_message(row) for row in said["messages"]], said.get("next"))

    async def rename(self, conversation_id: str, title: str) -> None:
        """Gives a conversation another title."""
        await self._call("PATCH", f"/v1/conversations/{conversation_id}", json={"title": title})

    async def delete(self, conversation_id: str) -> None:
        """Deletes a conversation for good, and stops its open turns."""
        await self._call("DELETE", f"/v1/conversations/{conversation_id}")

    async def models(self) -> Models:
        """The aliases to choose from."""
        said = await self._call("GET", "/v1/models")
        return Models(said["default"], [ModelRow(row["alias"], row["title"]) for row in said["models"]])

    def _keep(self, said: dict[str, Any]) -> SignedIn:
        self.use(said["token"])
        self._refresh_token = said["refresh_token"]
        return SignedIn(said["token"], said["user_id"])

    async def events(self, turn_id: str, after: int | None = None) -> AsyncIterator[AnyServerFrame]:
        """A turn's frames above the seq `after`, as they come, without a websocket.

        It ends behind the turn's end; or before it, when the edge goes away (the last frame is `draining` then) or
        wants to be asked again: call it again with the last seq that was applied.
        """
        params = {} if after is None else {"after": after}
        try:
            async with self._http.stream(
                "GET",
                f"/v1/turns/{turn_id}/events",
                params=params,
                timeout=httpx.Timeout(TIMEOUT_SECONDS, read=SILENCE_SECONDS),
            ) as response:
                if response.is_error:
                    await response.aread()
                    raise _refusal(response)
                async for event in events_of(response.aiter_bytes()):
                    with suppress(codec.Unreadable):  # of a newer edge: to be ignored (DESIGN 4)
                        yield codec.decode_server_frame(event.data)
        except httpx.TransportError as error:
            raise EdgeUnreachable(f"Nobody answers at {self._edge_url} any more.") from error

    async def _call(self, method: str, path: str, **content: Any) -> Any:
        try:
            response = await self._http.request(method, path, **content)
        except httpx.TransportError as error:
            raise EdgeUnreachable(f"Nobody answers at {self._edge_url}.") from error
        if response.is_error:
            raise _refusal(response)
        return self._body(response)

    def _body(self, response: httpx.Response) -> Any:
        try:
            return response.json() if response.content else None
        except ValueError as error:
            raise EdgeUnreachable(f"The server at {self._edge_url} is no Samvad edge.") from error


def _page(limit: int, before: str | None) -> dict[str, str | int]:
    return {"limit": limit} if before is None else {"limit": limit, "before": before}


def _message(row: dict[str, Any]) -> MessageRow:
    return MessageRow(
        id=row["id"],
        role=row["role"],
        text=row["text"],
        parent_id=row.get("parent_id"),
        model=row.get("model"),
        status=row.get("status"),
        created_at=row["created_at"],
    )


def _refusal(response: httpx.Response) -> Exception:
    try:
        error = response.json()["error"]
        if response.status_code == 401 and error["code"] != ErrorCode.WRONG_PASSWORD:
            return SignInAgain(ErrorCode.NOT_AUTHENTICATED.text)
        return EdgeRefused(error["code"], error["text"], temporary=bool(error.get("temporary")))
    except (ValueError, KeyError, TypeError):
        # A proxy's page, or another server altogether.
        if response.status_code == 401:
            return SignInAgain(ErrorCode.NOT_AUTHENTICATED.text)
        return EdgeRefused("http", f"The server answered {response.status_code}.", temporary=response.is_server_error)
