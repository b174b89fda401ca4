"""2,000 frames gone wrong over a real socket: typed answers only, no traceback, and nobody's text in the logs."""

import json
import logging
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
import websockets

from schemas.errors import ErrorCode
from tests.client_frame_mutations import CANARY, mutations
from tests.flow.running_edge import Person, Stage, stage

FRAMES, AT_ONCE = 2_000, 25
TURN_FRAMES = {"asked", "snapshot", "queued"}
ANSWERS = {"error", "rejected", "accepted", "watching", "pong", "ready", *TURN_FRAMES}


@pytest.mark.timeout(180)
async def test_whatever_is_sent_the_answers_are_of_the_protocol_and_the_edge_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    limits = {
        "frames_per_second": 1e9,
        "frame_burst": 10**9,
        "turns_per_minute": 0,
        "max_open_turns": 10_000,
        "heartbeat_seconds": 600,
    }
    seen: Counter[str] = Counter()
    async with stage(tmp_path, **limits) as scene, scene.person("ravi") as other:
        texts = mutations(2_000, FRAMES)
        while batch := tuple(islice(texts, AT_ONCE)):
            seen.update(await said(scene, batch))
        await other.hears_nothing_more()
    assert {"bad_frame", "unknown_frame_type", "pong", "accepted", "4401"} <= set(seen)
    told = "".join(record.getMessage() for record in caplog.records) + "".join(capfd.readouterr())
    assert CANARY not in told
    assert "Traceback" not in told
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]


async def said(scene: Stage, texts: tuple[str, ...]) -> list[str]:
    """What a session answers to these, each with a ping behind it, so that three bad ones are never in a row."""
    async with scene.person(max_queue=None) as person:  # else a client that reads no more waits 10 s for its close
        try:
            for text in texts:
                await person.socket.send(text.encode(errors="replace"), text=True)
                await person.say(type="ping")
            await person.say(type="ping", nonce="the last")
            return await until_the_last_pong(person)
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd is not None
            assert closed.rcvd.code in (4401, 1009), closed.rcvd
            return [str(closed.rcvd.code)]


async def until_the_last_pong(person: Person) -> list[str]:
    heard: list[str] = []
    while True:
        frame = json.loads(await person.socket.recv())
        assert frame["type"] in ANSWERS, frame
        if frame == {"type": "pong", "nonce": "the last"}:
            return heard
        heard.append(ErrorCode(frame["code"]).value if frame["type"] in ("error", "rejected") else frame["type"])
