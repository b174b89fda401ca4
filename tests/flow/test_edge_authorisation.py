"""Who may see and change what: every client frame and every route, with one's own ids, another user's, and nobody's.

What is another's does not exist: the answer is the same as for an id that nobody has. Nothing of the other user's is
shown or changed, and the other user's devices hear nothing.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
import pytest_asyncio
from starlette.routing import Route

from schemas.client_frames import AnyClientFrame
from schemas.control import StopAsked
from schemas.ids import new_id
from tests.edge_turns import Turn
from tests.flow.rest_calls import assert_error
from tests.flow.running_edge import Person, Stage, stage, until, watch
from tests.flow.two_users import SECRET, Things, stored_of, things_of, unknown
from ws_edge import finding_turns
from ws_edge.building import build
from ws_edge.settings import EdgeSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

NO_QUESTION = ["rejected unknown_question"]

# Frame, its fields with whose things they name ("their question" ...), and what is said to it. Whoever asks in a
# conversation watches it, and so is shown, by a `snapshot`, what is open of one's own there.
FRAMES: list[tuple[str, dict[str, str], list[str]]] = [
    ("stop", {"turn_id": "own running"}, []),
    ("stop", {"turn_id": "own ended"}, ["snapshot"]),
    ("stop", {"turn_id": "their running"}, ["error unknown_turn"]),
    ("stop", {"turn_id": "their ended"}, ["error unknown_turn"]),
    ("stop", {"turn_id": "unknown running"}, ["error unknown_turn"]),
    ("stop", {"conversation_id": "own conversation", "request_id": "own request"}, []),
    ("stop", {"conversation_id": "their conversation", "request_id": "their request"}, ["error unknown_turn"]),
    ("stop", {"conversation_id": "own conversation", "request_id": "their request"}, ["error unknown_turn"]),
    ("stop", {"conversation_id": "unknown conversation", "request_id": "unknown request"}, ["error unknown_turn"]),
    ("send", {"conversation_id": "own conversation", "parent_id": "own answer"}, ["accepted", "asked"]),
    ("send", {"conversation_id": "their conversation"}, ["accepted", "asked"]),
    ("send", {"conversation_id": "unknown conversation"}, ["accepted", "asked"]),
    ("send", {"conversation_id": "their conversation", "request_id": "their request"}, ["accepted", "asked"]),
    ("send", {"conversation_id": "own conversation", "request_id": "their request"}, ["accepted", "asked"]),
    (
        "send",
        {"conversation_id": "own conversation", "parent_id": "their answer"},
        ["rejected unknown_parent"],
    ),
    ("send", {"conversation_id": "their conversation", "parent_id": "their answer"}, ["rejected unknown_parent"]),
    (
        "send",
        {"conversation_id": "own conversation", "parent_id": "unknown answer"},
        ["rejected unknown_parent"],
    ),
    ("regenerate", {"conversation_id": "own conversation", "message_id": "own question"}, ["accepted", "asked"]),
    ("regenerate", {"conversation_id": "own conversation", "message_id": "their question"}, NO_QUESTION),
    ("regenerate", {"conversation_id": "their conversation", "message_id": "their question"}, NO_QUESTION),
    ("regenerate", {"conversation_id": "own conversation", "message_id": "unknown question"}, NO_QUESTION),
    ("watch", {"conversation_id": "own conversation"}, ["watching", "snapshot"]),
    ("watch", {"conversation_id": "their conversation"}, ["watching"]),
    ("watch", {"conversation_id": "unknown conversation"}, ["watching"]),
    ("watch", {"conversation_id": "their conversation", "after": "their running"}, ["watching"]),
    ("watch", {"conversation_id": "their conversation", "after": "their ended"}, ["watching"]),
    ("watch", {"conversation_id": "unknown conversation", "after": "their running"}, ["watching"]),
    ("watch", {"conversation_id": "unknown conversation", "after": "unknown running"}, ["watching"]),
    ("unwatch", {"conversation_id": "own conversation"}, []),
    ("unwatch", {"conversation_id": "their conversation"}, []),
    ("unwatch", {"conversation_id": "unknown conversation"}, []),
    ("ping", {}, ["pong"]),
    ("hello", {}, ["ready"]),
]

# Of each route: the body, and how its address names somebody's thing; or why nothing of anybody's can be named there.
ROUTES: dict[str, tuple[dict[str, Any] | None, list[str]] | str] = {
    "GET /healthz": "tells of the process only",
    "GET /readyz": "tells of the process only",
    "GET /openapi.json": "the description",
    "GET /v1/ws": "says only that it is a websocket",
    "POST /v1/dev/sign-in": "signs in; on loopback only",
    "POST /v1/sign-in": "signs in",
    "POST /v1/sign-in/refresh": "signs in",
    "POST /v1/session": "signs in",
    "GET /v1/session": "names nothing",
    "DELETE /v1/session": "signs in or out: whoever has no sign-in any more is signed out already",
    "POST /v1/sign-out": "names nothing",
    "POST /v1/sign-out-everywhere": "names nothing",
    "POST /v1/ws-tickets": "names nothing",
    "GET /v1/api-keys": "names nothing",
    "POST /v1/api-keys": "names nothing",
    "DELETE /v1/api-keys/{key_id}": "another's key is not there: test_sign_in_keys.py",
    "GET /v1/admin/users": "not there but for administrators: test_sign_in_keys.py",
    "POST /v1/admin/users": "as above",
    "POST /v1/admin/users/{user_id}/disable": "as above",
    "POST /v1/admin/users/{user_id}/enable": "as above",
    "POST /v1/admin/users/{user_id}/sign-out": "as above",
    "GET /v1/models": "the same for everybody",
    "GET /v1/conversations": "names nothing: test_nobodys_list_has_anything_of_others",
    "POST /v1/turns": "as `send`: test_asking_over_rest_with_anothers_ids_is_asking_in_ones_own_conversation",
    "GET /v1/conversations/{conversation_id}/messages": (None, ["conversation"]),
    "PATCH /v1/conversations/{conversation_id}": ({"title": "Mine now"}, ["conversation"]),
    "DELETE /v1/conversations/{conversation_id}": (None, ["conversation"]),
    "GET /v1/turns/{turn_id}": (None, ["running", "ended"]),
    "GET /v1/turns/{turn_id}/events": (None, ["running", "ended"]),
    "POST /v1/turns/{turn_id}/stop": (None, ["running", "ended"]),
}


@dataclass
class Matrix:
    """Asha tries; Ravi is whose things are tried, with a phone that watches."""

    scene: Stage
    folder: Path
    owned: dict[str, Things]
    running: Turn
    phone: Person

    def fill(self, name: str) -> str:
        """`their question` as an id."""
        whose, thing = name.split()
        return self.owned[whose].ids()[thing]

    def frame(self, kind: str, fields: dict[str, str]) -> dict[str, Any]:
        given: dict[str, Any] = {
            "type": kind,
            "token": self.scene.token("asha"),
            "text": "Why?",
            "request_id": new_id(),
        }
        if kind == "stop":
            del given["request_id"]
        given |= {name: self.fill(value) for name, value in fields.items()}
        return given | ({"after": {given["after"]: 0}} if "after" in fields else {})

    async def assert_theirs_is_untouched(self, before: list[str]) -> None:
        theirs = self.owned["their"]
        assert stored_of(self.folder, theirs) == before
        assert {request.user_id for request in self.scene.requests.asked} <= {self.owned["own"].user_id}
        stopped = {notice.turn_id for notice in self.scene.control.notices if isinstance(notice, StopAsked)}
        assert not stopped & {theirs.running, theirs.ended}
        assert all(
            notice.user_id != theirs.user_id for notice in self.scene.control.notices if hasattr(notice, "user_id")
        )
        await self.phone.hears_nothing_more()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def matrix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Matrix]:
    """One for all: nothing here may change anything of Ravi's, and Asha's may change."""
    folder = tmp_path_factory.mktemp("edge")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(finding_turns, "SOON_SECONDS", 0.05)
        async with stage(folder, max_open_turns=100) as scene, scene.person("ravi") as phone:
            (own, _), (theirs, running) = await things_of(scene, "asha"), await things_of(scene, "ravi")
            await watch(phone, running)
            await phone.hear("snapshot")
            yield Matrix(scene, folder, {"own": own, "their": theirs, "unknown": unknown()}, running, phone)


def said(frame: dict[str, Any]) -> str:
    return " ".join([frame["type"], *([frame["code"]] if "code" in frame else [])])


async def test_every_frame_with_anybodys_ids_shows_and_changes_only_ones_own(matrix: Matrix) -> None:
    before = stored_of(matrix.folder, matrix.owned["their"])
    assert any("turns" in row for row in before) and any("messages" in row for row in before)
    for kind, fields, expected in FRAMES:
        async with matrix.scene.person("asha") as asha:
            await asha.say(**matrix.frame(kind, fields))
            heard = await heard_until(asha, set(expected))
            if kind == "stop" and not expected:
                noticed = [StopAsked(turn_id=matrix.fill("own running"))]
                await until(lambda noticed=noticed: matrix.scene.control.notices[-1:] == noticed)
                matrix.scene.control.notices.clear()
            matrix.scene.publish(matrix.running.user_id, matrix.running.delta("theirs"))
            assert (await matrix.phone.hear("delta"))["text"] == "theirs"
            heard += await heard_until(asha, set())
        assert {said(frame) for frame in heard} | {"snapshot"} == {*expected, "snapshot"}, (kind, fields)
        shown = json.dumps([frame | {"request_id": None} for frame in heard])
        leaked = set(matrix.owned["their"].leaks_into(shown)) - {matrix.fill(name) for name in fields.values()}
        assert not leaked - ({SECRET} if "own" in str(fields) else set()), (kind, fields, shown)
        await matrix.assert_theirs_is_untouched(before)


async def heard_until(person: Person, expected: set[str]) -> list[dict[str, Any]]:
    """What is said until all that is expected came, and whatever comes right behind it."""
    heard: list[dict[str, Any]] = []
    while not expected <= {said(frame) for frame in heard}:
        heard.append(await person.hear())
    await person.say(type="ping", nonce="nothing more")
    while (frame := await person.hear()) != {"type": "pong", "nonce": "nothing more"}:
        heard.append(frame)
    return heard


async def test_anothers_things_are_answered_as_what_nobody_has() -> None:
    """As the table says, which the test above holds the edge to."""
    answers = {(kind, *sorted(fields.items())): expected for kind, fields, expected in FRAMES}
    for kind, fields, expected in FRAMES:
        nobodys = {name: value.replace("their", "unknown") for name, value in fields.items()}
        assert answers.get((kind, *sorted(nobodys.items())), expected) == expected, (kind, fields)


async def test_every_kind_of_client_frame_has_its_rows() -> None:
    kinds = {str(frame.__struct_config__.tag) for frame in get_args(AnyClientFrame)}
    assert {kind for kind, _, _ in FRAMES} == kinds


@pytest.mark.parametrize("kind", sorted({kind for kind, _, _ in FRAMES} - {"hello"}))
async def test_before_hello_no_frame_does_anything(matrix: Matrix, kind: str) -> None:
    before, asked = stored_of(matrix.folder, matrix.owned["own"]), len(matrix.scene.requests.asked)
    matrix.scene.control.notices.clear()
    fields = next(fields for named, fields, _ in FRAMES if named == kind)
    async with matrix.scene.connected() as nobody:
        await nobody.say(**matrix.frame(kind, fields))
        assert await nobody.close_code() == 4401
    assert stored_of(matrix.folder, matrix.owned["own"]) == before
    assert (len(matrix.scene.requests.asked), matrix.scene.control.notices) == (asked, [])


async def test_every_route_has_its_row_in_the_table(matrix: Matrix) -> None:
    http: Any = build(EdgeSettings(port=0), matrix.scene.parts, 8000).app._http
    found = [(method, route.path) for route in all_routes(http.routes) for method in route.methods or ()]
    assert {f"{method} {path}" for method, path in found if method != "HEAD"} == set(ROUTES)


def all_routes(routes: list[Any]) -> list[Route]:
    """Also those of the routers that an application took in; a route of any other kind is an error here."""
    nested = [all_routes(route.original_router.routes) for route in routes if hasattr(route, "original_router")]
    flat = [route for route in routes if not hasattr(route, "original_router")]
    assert all(isinstance(route, Route) for route in flat)
    return [*flat, *(route for inner in nested for route in inner)]


@pytest.mark.parametrize("route", [route for route, row in ROUTES.items() if not isinstance(row, str)])
async def test_every_route_answers_404_to_what_is_not_the_users(matrix: Matrix, route: str) -> None:
    method, path = route.split()
    body, kinds = ROUTES[route]
    before = stored_of(matrix.folder, matrix.owned["their"])
    async with matrix.scene.http("mira, who never asked anything") as http:
        for whose in ("their", "unknown"):
            for kind in kinds:
                there = path.format(
                    conversation_id=matrix.fill(f"{whose} {kind}"), turn_id=matrix.fill(f"{whose} {kind}")
                )
                assert_error(await http.request(method, there, json=body), 404, "not_found")
    await matrix.assert_theirs_is_untouched(before)


@pytest.mark.parametrize(
    "route",
    [route for route, row in ROUTES.items() if " /v1/" in route and not str(row).startswith(("signs in", "says only"))],
)
async def test_every_route_answers_401_to_nobody(matrix: Matrix, route: str) -> None:
    method, path = route.split()
    row = ROUTES[route]
    own = {"conversation_id": matrix.fill("own conversation"), "turn_id": matrix.fill("own running")}
    there = path.format(**own, key_id=new_id(), user_id=new_id())
    before = stored_of(matrix.folder, matrix.owned["own"])
    async with matrix.scene.http(None) as http:
        body = row[0] if isinstance(row, tuple) else {} if method == "POST" else None
        assert_error(await http.request(method, there, json=body), 401, "not_authenticated")
    assert stored_of(matrix.folder, matrix.owned["own"]) == before


async def test_nobodys_list_has_anything_of_others(matrix: Matrix) -> None:
    async with matrix.scene.http("asha") as http:
        listed = await http.get("/v1/conversations")
        assert [row["id"] for row in listed.json()["conversations"]] == [matrix.fill("own conversation")]
        messages = await http.get(f"/v1/conversations/{matrix.fill('own conversation')}/messages")
        before = await http.get(messages.url, params={"before": matrix.fill("their answer")})
        for response in (listed, messages, before):
            found = set(matrix.owned["their"].leaks_into(response.text))
            assert found <= {SECRET}, "asha's things have the same text"


async def test_asking_over_rest_with_anothers_ids_is_asking_in_ones_own_conversation(matrix: Matrix) -> None:
    before = stored_of(matrix.folder, matrix.owned["their"])
    conversation_id, request_id = matrix.fill("their conversation"), matrix.fill("their request")
    asked = {"conversation_id": conversation_id, "request_id": request_id, "text": "Why?"}
    again = {"conversation_id": conversation_id, "request_id": new_id(), "message_id": matrix.fill("their question")}
    deeper = asked | {"request_id": new_id(), "parent_id": matrix.fill("their answer")}
    async with matrix.scene.http("asha") as http:
        accepted = await http.post("/v1/turns", json=asked)
        assert accepted.json()["turn_id"] != matrix.fill("their running")
        assert_error(await http.post("/v1/turns", json=again), 422, "unknown_question")
        assert_error(await http.post("/v1/turns", json=deeper), 422, "unknown_parent")
    await matrix.assert_theirs_is_untouched(before)


async def test_frames_sent_twice_or_out_of_order_have_one_effect_or_none(matrix: Matrix) -> None:
    scene, own = matrix.scene, matrix.owned["own"]
    conversation_id, early, late = new_id(), new_id(), new_id()
    scene.control.notices.clear()
    async with scene.person("asha") as asha:
        await asha.say(type="unwatch", conversation_id=conversation_id)
        await asha.say(type="stop", request_id=early, conversation_id=conversation_id)
        assert said(await asha.hear()) == "error unknown_turn"
        for _ in range(2):
            await asha.say(type="watch", conversation_id=conversation_id)
            assert (await asha.hear("watching"))["turns"] == []
        for _ in range(2):
            await asha.say(type="send", request_id=early, conversation_id=conversation_id, text="Why?")
        first = await asha.hear("accepted")
        assert (await asha.hear("asked"))["request_id"] == early
        assert await asha.hear("accepted") == first
        await asha.hear("snapshot")
        again = {"conversation_id": own.conversation, "request_id": late, "message_id": own.question}
        for _ in range(2):
            await asha.say(type="regenerate", **again)
        heard = await heard_until(asha, {"accepted", "asked"})
        assert len({frame["turn_id"] for frame in heard if frame["type"] == "accepted"}) == 1
        assert [request.request_id for request in scene.requests.asked[-2:]] == [early, late]
        assert len({request.turn_id for request in scene.requests.asked}) == len(scene.requests.asked)
        for _ in range(2):
            await asha.say(type="stop", turn_id=first["turn_id"])
        await until(lambda: scene.control.notices == [StopAsked(turn_id=first["turn_id"])] * 4)
        row = await scene.store.turns.load(first["turn_id"])
        assert row is not None and row.stop and not row.is_ended
        for _ in range(2):
            await asha.say(type="unwatch", conversation_id=conversation_id)
        await asha.hears_nothing_more()
