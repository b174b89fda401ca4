"""Every limit over a real socket: a typed refusal that says when to come back, and nobody else is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import websockets

from schemas.frames import AnyTurnFrame
from schemas.ids import new_id, turn_id_of
from schemas.topics import REQUESTS, partition_of, request_key
from tests.edge_turns import Turn
from tests.flow.admin_pages import scraped
from tests.flow.rest_calls import assert_error
from tests.flow.running_edge import Person, Stage, stage, until

SOMEBODY, ANOTHER = "203.0.113.9", "198.51.100.7"
BEHIND_A_PROXY = {"trusted_proxies": ("127.0.0.0/8",)}


def via(*hops: str) -> dict[str, Any]:
    """What a proxy adds."""
    return {"additional_headers": {"X-Forwarded-For": ", ".join(hops)}}


async def refused(scene: Stage, *hops: str) -> dict[str, str]:
    """The headers of a refusal with 429."""
    with pytest.raises(websockets.InvalidStatus) as refusal:
        async with scene.connected(**via(*hops)):
            pass
    response = refusal.value.response
    assert response.status_code == 429
    assert json.loads(response.body or b"")["error"]["code"] == "too_many_requests"
    return dict(response.headers)


async def upgrades_refused(scene: Stage, reason: str) -> float:
    assert scene.monitored.address is not None
    return (await scraped(scene.monitored.address))("samvad_upgrades_refused_total", reason=reason)


async def test_an_address_has_only_so_many_sockets_and_others_have_theirs(tmp_path: Path) -> None:
    async with stage(tmp_path, max_connections_per_address=2, **BEHIND_A_PROXY) as scene:
        async with scene.person(**via(SOMEBODY)) as first:
            async with scene.person("ravi", **via(SOMEBODY)):
                assert int((await refused(scene, SOMEBODY))["retry-after"]) > 0
                async with scene.person(**via(ANOTHER)):
                    pass
            await until(lambda: len(scene.running.sessions) == 1)
            async with scene.person(**via(SOMEBODY)):
                await first.hears_nothing_more()
        assert await upgrades_refused(scene, "address_connections") == 1


async def test_who_writes_a_hop_of_their_own_is_counted_all_the_same(tmp_path: Path) -> None:
    async with (
        stage(tmp_path, max_connections_per_address=1, **BEHIND_A_PROXY) as scene,
        scene.person(**via("192.0.2.1", SOMEBODY)),
    ):
        await refused(scene, "192.0.2.2", SOMEBODY)
        await refused(scene, "127.0.0.1", SOMEBODY)
        await refused(scene, "anything", SOMEBODY, "127.0.0.2")


async def test_a_hop_that_a_client_names_itself_is_not_believed(tmp_path: Path) -> None:
    """All of these come from this machine, whose address is not counted; SOMEBODY's would be."""
    async with stage(tmp_path, max_connections_per_address=1, rest_requests_per_second=0.1) as scene:
        async with scene.person(**via(SOMEBODY)), scene.person(**via(SOMEBODY)) as second:
            await second.hears_nothing_more()
        async with scene.http() as http:
            for _ in range(5):
                assert (await http.get("/v1/models", headers={"X-Forwarded-For": SOMEBODY})).status_code == 200


async def test_an_address_opens_only_so_many_sockets_a_minute(tmp_path: Path) -> None:
    async with stage(tmp_path, new_connections_per_minute=3, **BEHIND_A_PROXY) as scene:
        for _ in range(3):
            async with scene.person(**via(SOMEBODY)):
                pass
        assert (await refused(scene, SOMEBODY))["retry-after"] == "20"
        async with scene.person(**via(ANOTHER)):
            pass
        scene.passes(seconds=20)
        async with scene.person(**via(SOMEBODY)):
            pass
        assert await upgrades_refused(scene, "address_new_connections") == 1


async def test_event_streams_count_among_the_connections_of_their_address(tmp_path: Path) -> None:
    async with stage(tmp_path, max_connections_per_address=2, **BEHIND_A_PROXY) as scene, scene.http() as http:
        turn, somebody, page = Turn(scene.user_id("asha")), {"X-Forwarded-For": SOMEBODY}, scene.running.address
        await known(scene, turn, turn.started())
        path = f"/v1/turns/{turn.turn_id}/events"
        async with http.stream("GET", path, headers=somebody), scene.person(**via(SOMEBODY)):
            response = await http.get(path, headers={**somebody, "origin": page})
            assert_error(response, 429, "too_many_requests")
            assert response.headers["retry-after"] == "30"
            assert response.headers["access-control-allow-origin"] == page
            await refused(scene, SOMEBODY)
            async with http.stream("GET", path, headers={"X-Forwarded-For": ANOTHER}) as another:
                assert another.status_code == 200
        await until(lambda: not scene.running.sessions)
        for _ in range(3):  # whoever has gone is not counted
            async with http.stream("GET", path, headers=somebody) as again:
                assert again.status_code == 200
            await until(lambda: not scene.running.sessions)


async def test_an_address_opens_only_so_many_event_streams_a_minute(tmp_path: Path) -> None:
    async with stage(tmp_path, new_connections_per_minute=2, **BEHIND_A_PROXY) as scene, scene.http() as http:
        turn, somebody = Turn(scene.user_id("asha")), {"X-Forwarded-For": SOMEBODY}
        await known(scene, turn, turn.started())
        path = f"/v1/turns/{turn.turn_id}/events"
        for _ in range(2):
            async with http.stream("GET", path, headers=somebody) as stream:
                assert stream.status_code == 200
        response = await http.get(path, headers=somebody)
        assert_error(response, 429, "too_many_requests")
        assert 15 < int(response.headers["retry-after"]) <= 30
        scene.passes(seconds=30)
        async with http.stream("GET", path, headers=somebody) as stream:
            assert stream.status_code == 200


async def known(scene: Stage, turn: Turn, *frames: AnyTurnFrame) -> None:
    """The edge has read these frames."""
    scene.publish(turn.user_id, *frames)
    async with scene.http() as http:
        while (await http.get(f"/v1/turns/{turn.turn_id}")).json().get("seq") != frames[-1].seq:
            pass


@pytest.mark.parametrize(
    ("options", "query", "status"),
    [
        ({"origin": "http://evil.example"}, "", 403),
        ({"subprotocols": None}, "", 400),
        ({}, "?token=x", 400),
        ({}, "/more", 404),
    ],
)
async def test_upgrades_that_are_refused_anyway_count_among_those_of_a_minute(
    tmp_path: Path, options: dict[str, Any], query: str, status: int
) -> None:
    async with stage(tmp_path, new_connections_per_minute=2, **BEHIND_A_PROXY) as scene:
        sent: dict[str, Any] = {"subprotocols": ["samvad.v1"], "proxy": None, **via(SOMEBODY), **options}
        statuses = []
        for _ in range(4):
            with pytest.raises(websockets.InvalidStatus) as refusal:
                await websockets.connect(scene.websocket_url + query, **sent)
            statuses.append(refusal.value.response.status_code)
        assert statuses == [status, status, 429, 429]
        await refused(scene, SOMEBODY)
        async with scene.person(**via(ANOTHER)):
            pass


async def test_requests_with_a_secret_in_their_address_count_among_those_of_a_second(tmp_path: Path) -> None:
    async with stage(tmp_path, rest_requests_per_second=0.001, **BEHIND_A_PROXY) as scene, scene.http() as http:
        somebody, page = {"X-Forwarded-For": SOMEBODY}, scene.running.address
        response = await http.get("/nothing/here?token=x", headers={**somebody, "origin": page})
        assert_error(response, 400, "secret_in_url")
        assert response.headers["access-control-allow-origin"] == page
        for _ in range(2):
            assert_error(await http.get("/v1/models?token=x", headers=somebody), 429, "too_many_requests")
        assert_error(await http.get("/v1/models", headers=somebody), 429, "too_many_requests")
        assert (await http.get("/v1/models", headers={"X-Forwarded-For": ANOTHER})).status_code == 200


async def test_an_address_asks_only_so_fast_over_rest_and_health_is_not_counted(tmp_path: Path) -> None:
    async with stage(tmp_path, rest_requests_per_second=0.5, **BEHIND_A_PROXY) as scene, scene.http() as http:
        somebody, page = {"X-Forwarded-For": SOMEBODY}, scene.running.address
        for _ in range(2):
            assert (await http.get("/v1/models", headers=somebody)).status_code == 200
        response = await http.get("/v1/models", headers={**somebody, "origin": page})
        assert_error(response, 429, "too_many_requests")
        assert response.json()["error"]["temporary"] is True
        assert response.headers["retry-after"] == "2"
        assert response.headers["access-control-allow-origin"] == page
        assert (await http.get("/v1/models", headers={"X-Forwarded-For": ANOTHER})).status_code == 200
        assert [(await http.get("/readyz", headers=somebody)).status_code for _ in range(5)] == [200] * 5
        scene.passes(seconds=2)
        assert (await http.get("/v1/models", headers=somebody)).status_code == 200


async def ask(person: Person, conversation_id: str | None = None, text: str = "Why?") -> Turn:
    """Asks, and gives the turn as a worker would publish it."""
    request_id, conversation_id = new_id(), conversation_id or new_id()
    await send(person, request_id, conversation_id, text)
    return Turn(person.user_id, conversation_id, turn_id_of(person.user_id, conversation_id, request_id), request_id)


async def send(person: Person, request_id: str, conversation_id: str, text: str = "Why?") -> None:
    await person.say(type="send", request_id=request_id, conversation_id=conversation_id, text=text)


async def rejection(person: Person, code: str) -> int:
    """The next frame is a refusal; after how many milliseconds to come back."""
    rejected = await person.hear("rejected")
    assert (rejected["code"], rejected["temporary"]) == (code, True)
    return int(rejected["retry_after_ms"])


async def test_a_user_begins_only_so_many_turns_a_minute_on_whichever_edge(tmp_path: Path) -> None:
    async with stage(tmp_path, turns_per_minute=2) as scene, scene.person() as person, scene.person("ravi") as other:
        elsewhere = Turn(person.user_id)
        scene.publish(person.user_id, elsewhere.asked(), elsewhere.started(), elsewhere.completed())
        first = await ask(person)
        await person.hear_all("accepted", "asked")
        await ask(person)
        assert 55_000 < await rejection(person, "too_many_requests") <= 60_000
        await send(person, first.request_id, first.conversation_id)  # it is known: never refused
        await person.hear_all("accepted", "snapshot")
        await ask(other)
        await other.hear_all("accepted", "asked")
        assert len(scene.requests.asked) == 2
        scene.passes(seconds=61)
        await ask(person)
        await person.hear_all("accepted", "asked")


async def test_over_rest_the_turns_of_a_minute_count_as_well(tmp_path: Path) -> None:
    async with stage(tmp_path, turns_per_minute=1) as scene, scene.http() as http:
        asked = [{"request_id": new_id(), "conversation_id": new_id(), "text": "Why?"} for _ in range(2)]
        assert (await http.post("/v1/turns", json=asked[0])).status_code == 202
        refused = await http.post("/v1/turns", json=asked[1])
        assert_error(refused, 429, "too_many_requests")
        assert 55 < int(refused.headers["retry-after"]) <= 60
        assert (await http.post("/v1/turns", json=asked[0])).status_code == 202


async def test_turns_about_to_open_count_towards_the_minute(tmp_path: Path) -> None:
    async with stage(tmp_path, turns_per_minute=2) as scene, scene.person() as person:
        scene.requests.let_through.clear()
        for _ in range(3):
            await ask(person)
        await rejection(person, "too_many_requests")
        scene.requests.let_through.set()
        await until(lambda: len(scene.requests.asked) == 2)


async def test_a_question_of_too_many_characters_is_refused_whatever_its_bytes(tmp_path: Path) -> None:
    async with stage(tmp_path, max_question_characters=10) as scene, scene.person() as person:
        await ask(person, text="धन्य" * 2 + "!!")
        await person.hear_all("accepted", "asked")
        await ask(person, text="x" * 11)
        rejected = await person.hear("rejected")
        assert (rejected["code"], rejected["temporary"]) == ("question_too_long", False)
        assert "retry_after_ms" not in rejected


def asked_by_others(count: int, partition: int | None = None) -> list[Turn]:
    """Turns of as many users, all in one partition of the requests if need be."""
    turns: list[Turn] = []
    while len(turns) < count:
        turn = Turn(new_id())
        if partition in (None, partition_of(request_key(turn.user_id, turn.conversation_id), REQUESTS.partitions)):
            turns.append(turn)
    return turns


async def test_when_too_many_wait_a_new_turn_is_refused_at_once_and_a_known_one_is_not(tmp_path: Path) -> None:
    async with stage(tmp_path, max_waiting_turns=4) as scene, scene.person() as person:
        known = await ask(person)
        await person.hear_all("accepted", "asked")
        waiting = asked_by_others(3)
        for turn in waiting:
            scene.publish(turn.user_id, turn.asked())
        await until(lambda: len(scene.replies.published) == 4)
        await ask(person)
        assert 5_000 <= await rejection(person, "overloaded") <= 10_001
        await send(person, known.request_id, known.conversation_id)
        await person.hear_all("accepted", "snapshot")
        assert len(scene.requests.asked) == 1
        scene.publish(waiting[0].user_id, waiting[0].started())
        await ask(person)
        await person.hear_all("accepted", "asked")


async def test_a_turn_that_would_wait_too_long_is_refused_and_one_in_a_shorter_line_is_not(tmp_path: Path) -> None:
    async with stage(tmp_path, max_wait_seconds=15) as scene, scene.person() as person:
        crowded = [new_id() for _ in range(2)]
        while (line := line_of(person, crowded[0])) == line_of(person, crowded[1]):
            crowded[1] = new_id()
        waiting = asked_by_others(4, partition=line)
        for turn in waiting:
            scene.publish(turn.user_id, turn.asked())
        for turn in waiting[:2]:
            scene.publish(turn.user_id, turn.started())
            await until_read(scene, turn)
            scene.passes(seconds=8)
        await ask(person, conversation_id=crowded[0])
        assert await rejection(person, "overloaded") >= 5_000
        await ask(person, conversation_id=crowded[1])
        await person.hear_all("accepted", "asked")


def line_of(person: Person, conversation_id: str) -> int:
    return partition_of(request_key(person.user_id, conversation_id), REQUESTS.partitions)


async def until_read(scene: Stage, turn: Turn) -> None:
    """The edge has read all that was published so far."""
    async with scene.person(f"reader {turn.turn_id}") as reader:
        mark = Turn(reader.user_id)
        await reader.say(type="watch", conversation_id=mark.conversation_id)
        await reader.hear("watching")
        scene.publish(reader.user_id, mark.started(), mark.completed())
        await reader.hear_all("started", "completed")


async def test_what_workers_have_is_never_refused_though_this_edge_did_not_know(tmp_path: Path) -> None:
    async with stage(tmp_path, turns_per_minute=1) as scene, scene.person() as person:
        await ask(person)
        await person.hear_all("accepted", "asked")
        request_id, conversation_id = new_id(), new_id()
        turn = Turn(
            person.user_id, conversation_id, turn_id_of(person.user_id, conversation_id, request_id), request_id
        )
        turn.started()
        assert await scene.store.turns.compare_and_set(turn.row(version=1), None) is None
        await send(person, request_id, conversation_id)
        said = await person.hear_all("snapshot", "accepted", "snapshot")
        assert {frame["turn_id"] for frame in said} == {turn.turn_id}
        scene.outage.set()  # now nobody can tell, and the limit counts
        await ask(person)
        await rejection(person, "too_many_requests")


async def test_ready_names_the_limits_that_a_client_should_know(tmp_path: Path) -> None:
    async with stage(tmp_path, turns_per_minute=7, max_question_characters=0) as scene, scene.connected() as person:
        await person.say(type="hello", token=scene.token("asha"))
        limits = (await person.hear("ready"))["limits"]
        assert limits == {
            "max_frame_bytes": 65_536,
            "max_watched": 50,
            "max_asks_in_flight": 8,
            "max_open_turns": 30,
            "max_sessions_per_user": 50,
            "frames_per_second": 50,
            "turns_per_minute": 7,
        }
