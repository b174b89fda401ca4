"""An edge's metrics, read over HTTP from its admin port after real sessions and turns."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from producers.errors import NotAttempted
from schemas.ids import new_id, turn_id_of
from tests.contracts.deadlines import eventually
from tests.edge_turns import Turn
from tests.flow.admin_pages import Scrape, page, scraped
from tests.flow.running_edge import Person, Stage, stage

AN_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}|[0-9a-f]{16}")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as running:
        yield running


async def metrics_of(scene: Stage) -> Scrape:
    assert scene.monitored.address is not None
    return await scraped(scene.monitored.address)


async def becomes(scene: Stage, name: str, value: float, **labels: str) -> None:
    async def is_so() -> bool:
        return (await metrics_of(scene))(name, **labels) == value

    await eventually(is_so)


async def ask(person: Person) -> Turn:
    """Asks, and gives the turn as a worker would publish it."""
    request_id, conversation_id = new_id(), new_id()
    await person.say(type="send", request_id=request_id, conversation_id=conversation_id, text="Why?")
    turn_id = turn_id_of(person.user_id, conversation_id, request_id)
    return Turn(person.user_id, conversation_id, turn_id, request_id)


async def test_two_answered_turns_are_counted_frame_by_frame_each_way(scene: Stage) -> None:
    async with scene.person() as person:
        for _ in range(2):
            turn = await ask(person)
            await person.hear_all("accepted", "asked")
            assert (await metrics_of(scene))("samvad_turns_in_flight") == 1
            scene.publish(person.user_id, turn.started(), turn.delta(), turn.delta(), turn.delta(), turn.completed())
            await person.hear_all("started", "delta", "delta", "delta", "completed")
        await person.hears_nothing_more()
        metrics = await metrics_of(scene)
    sent = {"ready": 1, "accepted": 2, "asked": 2, "started": 2, "delta": 6, "completed": 2, "pong": 1, "snapshot": 0}
    received = {"hello": 1, "send": 2, "ping": 1, "stop": 0, "unreadable": 0}
    for kind, count in sent.items():
        assert metrics("samvad_frames_sent_total", type=kind) == count, kind
    for kind, count in received.items():
        assert metrics("samvad_frames_received_total", type=kind) == count, kind
    assert metrics("samvad_replies_read_total", type="delta") == 6
    assert metrics("samvad_accept_seconds_count") == 2
    assert metrics("samvad_first_delta_seconds_count") == 2
    assert metrics("samvad_delta_gap_seconds_count") == 4
    assert metrics("samvad_turns_in_flight") == 0
    assert not [value for value in metrics.label_values() if AN_ID.search(value)]


async def test_sockets_and_sessions_are_those_of_now_and_their_ends_have_reasons(scene: Stage) -> None:
    async with scene.person(), scene.connected() as silent:
        metrics = await metrics_of(scene)
        assert (metrics("samvad_connections"), metrics("samvad_sessions")) == (2, 1)
        await silent.say(type="watch", conversation_id=new_id())
        assert await silent.close_code() == 4401
        await becomes(scene, "samvad_sessions_closed_total", 1, by="not_authenticated")
    await becomes(scene, "samvad_sessions_closed_total", 1, by="client_left")
    await becomes(scene, "samvad_connections", 0)
    assert (await metrics_of(scene))("samvad_sessions") == 0


async def test_refusals_are_counted_by_code_and_what_clients_make_up_under_closed_names(scene: Stage) -> None:
    async with scene.person() as person:
        await person.say(type="send", request_id=new_id(), conversation_id=new_id(), text="")
        await person.hear("rejected")
        scene.requests.fail_with = NotAttempted("full")
        await ask(person)
        await person.hear("rejected")
        await person.say(type=new_id())
        await person.hear("error")
        metrics = await metrics_of(scene)
    assert metrics("samvad_rejections_total", code="empty_text") == 1
    assert metrics("samvad_rejections_total", code="overloaded") == 1
    assert metrics("samvad_frames_received_total", type="unreadable") == 1
    assert not [value for value in metrics.label_values() if AN_ID.search(value)]


async def test_the_admin_port_and_the_main_port_agree_on_readiness_and_on_the_lag(scene: Stage) -> None:
    assert scene.monitored.address is not None
    scene.replies.lag = 11
    assert (await metrics_of(scene))("samvad_reply_lag_seconds") == 11
    async with scene.http(None) as http:
        for path in ("/readyz", "/healthz"):
            beside = await page(scene.monitored.address, path)
            main = await http.get(path)
            assert (beside.status, beside.body) == (main.status_code, main.json())
    assert (await page(scene.monitored.address, "/readyz")).body["reasons"] == ["lagging behind the replies"]
