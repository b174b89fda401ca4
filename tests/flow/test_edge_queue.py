"""Turns that do not start: who watches is told where they stand, at most once a second, until they do (DESIGN 6.2)."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.talk.wording import state_of
from samvad_client import SamvadClient
from samvad_client.turn_view import TurnView
from schemas.ids import new_id
from tests.edge_turns import Turn
from tests.flow.running_edge import Person, Stage, stage, until, watch
from ws_edge import queue_telling


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(queue_telling, "FIRST_SECONDS", 0.1)
    monkeypatch.setattr(queue_telling, "AGAIN_SECONDS", 0.2)
    monkeypatch.setattr(queue_telling, "LOOK_SECONDS", 0.05)
    async with stage(tmp_path) as running:
        yield running


async def heard_until_pong(person: Person) -> set[str]:
    await person.say(type="ping", nonce="now")
    kinds: set[str] = set()
    async with asyncio.timeout(5):
        while (kind := json.loads(await person.socket.recv())["type"]) != "pong":
            kinds.add(kind)
    return kinds


async def test_who_watches_a_turn_that_does_not_start_is_told_so_and_again_until_it_starts(scene: Stage) -> None:
    async with scene.person() as person:
        turn = Turn(person.user_id)
        await watch(person, turn)
        scene.publish(person.user_id, turn.asked())
        await person.hear("asked")
        assert await person.hear("queued") == {
            "type": "queued",
            "conversation_id": turn.conversation_id,
            "turn_id": turn.turn_id,
            "attempt": 1,
            "position": 1,
            "eta_ms": 0,
            "reason": "waiting_for_worker",
        }
        await person.hear("queued")
        scene.publish(person.user_id, turn.started())
        await person.hear("started")


async def test_nobody_is_told_who_does_not_watch_and_whoever_comes_to_watch_is(scene: Stage) -> None:
    async with scene.person() as person, scene.person("ravi") as stranger:
        turn = Turn(person.user_id)
        scene.publish(person.user_id, turn.asked())
        await watch(stranger, turn)
        scene.passes(10)
        await watch(person, turn)
        await person.hear_all("snapshot", "queued")
        await person.say(type="unwatch", conversation_id=turn.conversation_id)
        await person.hears_nothing_more()
        await watch(person, turn)
        await person.hear_all("snapshot", "queued")
        assert "queued" not in await heard_until_pong(stranger)


async def test_the_clients_library_and_talk_say_it_in_words(scene: Stage) -> None:
    def words(turn: TurnView) -> str:
        return state_of(turn, is_connected=True, seconds=1)

    async with SamvadClient(scene.running.address, scene.token("asha")) as client:
        conversation_id = new_id()
        first, second = (client.ask(conversation_id, text, model="fast") for text in ("one", "two"))
        await until(lambda: first.view.waiting is not None and second.view.waiting is not None)
        assert words(first.view) == "queued: next in line (waiting for worker)"
        assert words(second.view) == "queued: next in line (conversation busy)"
