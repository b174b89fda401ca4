"""What people write, are answered and sign in with occurs in no log, trace, metric, health page or command line.

A server at its most talkative (DEBUG, every turn traced) goes through ordinary turns, every kind of failing provider
(some repeat question and key in their errors), bad frames, refused requests and refused sign-ins. Each secret has a
word of its own, which nothing else has.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from samvad_client import TurnView
from schemas.ids import new_id
from tests.whole.everything_told import collector, command_lines, log_of, pages
from tests.whole.people import Person, person
from tests.whole.processes import free_port, server
from tests.whole.talkative_provider import talkative_provider

TEXT, TITLE, KEY, TOKEN, PASSWORD = "heron-text", "heron-title", "heron-key", "heron-token", "heron-password"
ATTACHMENT, QUERY, NAME, FIELD, HEADER = "heron-file", "heron-query", "heron-name", "heron-field", "heron-header"
WORD = b"heron"
"""In every secret of this test."""

FAILURES = (
    "talkative-400",
    "talkative-401",
    "talkative-403",
    "talkative-404",
    "talkative-stream",
    "talkative-nonsense",
)
PRACTICE = {
    "echo": ["practice-20x1-echo"],
    "slow": ["practice-80x25-echo"],
    "broken": ["practice-12x5-reset6"],
    "cut": ["practice-12x5-truncate6"],
    "garbled": ["practice-12x5-garbage6"],
    "empty": ["practice-12x5-empty"],
}


def models(folder: Path, practice_url: str, talkative_url: str) -> Path:
    """Practice models, talkative ones, and two talkative ones that are rescued by a practice model."""
    served = [(alias, names, practice_url) for alias, names in PRACTICE.items()]
    served += [(alias, [alias], talkative_url) for alias in FAILURES]
    for alias in ("talkative-429", "talkative-500"):
        served += [(alias, [alias], talkative_url), (alias, ["practice-6x5"], practice_url)]
    key = "os.environ/SECRET_OF_THE_PROVIDER"
    deployments = [
        {
            "model_name": alias,
            "litellm_params": {"model": f"hosted_vllm/{names[0]}", "api_base": base_url, "api_key": key},
        }
        for alias, names, base_url in served
    ]
    path = folder / "models.yaml"
    path.write_text(json.dumps({"model_list": deployments}))
    return path


@pytest.mark.timeout(180)
async def test_no_secret_and_no_text_is_in_anything_that_operators_see(tmp_path: Path, provider_url: str) -> None:
    admin_port = free_port()
    async with collector() as traces, talkative_provider() as talkative_url:
        environ = {
            "SAMVAD_LOG_LEVEL": "DEBUG",
            "SAMVAD_ADMIN_PORT": str(admin_port),
            "SECRET_OF_THE_PROVIDER": KEY,
            "OTEL_EXPORTER_OTLP_ENDPOINT": traces.endpoint,
            "OTEL_SERVICE_NAME": "samvad",
        }
        opening = server(tmp_path, models(tmp_path, provider_url, talkative_url), **environ)
        running = await asyncio.to_thread(opening.__enter__)
        try:
            edge = running.said["edge"]
            tokens, statuses = await live(edge)
            told = await pages(admin_port, edge)
            told["the command lines"] = command_lines(running.process.pid)
            assert await asyncio.to_thread(running.end) == 0
            assert running.process.stdout is not None
            told["standard output"] = running.process.stdout.read()
        finally:
            await asyncio.to_thread(opening.__exit__, None, None, None)
    told |= {"the log": log_of(tmp_path), "the traces": b"\n".join(traces.taken)}
    assert {"completed", "stopped", "failed"} <= statuses
    assert_talkative(told)
    sign_in_secret = next(path for path in (tmp_path / "data").iterdir() if "secret" in path.name).read_bytes()
    for place, content in told.items():
        assert WORD not in content.lower(), around(content, place)
        for token in tokens:
            assert token.encode() not in content, place
        assert sign_in_secret.strip() not in content, place


def assert_talkative(told: dict[str, bytes]) -> None:
    """Had they been told nothing, this test would prove nothing."""
    log = told["the log"]
    assert b'"level": "debug"' in log and b"session_opened" in log and b"stream_ended" in log
    assert len(told["the traces"]) > 20_000 and b"samvad.turn" in told["the traces"]
    assert any(b"samvad_frames_received_total" in content for content in told.values())
    assert b"infra.cli.main" in told["the command lines"]


def around(content: bytes, place: str) -> str:
    at = content.lower().index(WORD)
    return f"in {place}: {content[max(0, at - 500) : at + 100]!r}"


async def live(edge: str) -> tuple[list[str], set[str]]:
    """Everything that people do, and do wrong. The tokens they had, and how their turns ended."""
    async with person(edge, f"{NAME} asha") as asha:
        token = asha.rest._http.headers["authorization"].removeprefix("Bearer ")
        turns = await ask_everything(asha)
        assert TEXT in turns[0].answer, "a model that repeats what it was given"
        titles = [row.title for row in (await asha.rest.conversations()).conversations]
        assert any(title is not None and TEXT in title for title in titles)
        await asha.rest.rename(asha.conversation_id, f"{TITLE} of the conversation")
        await use_rest(edge, token, asha)
        for misdeed in (bad_frames, bad_hellos, bad_upgrades):
            await misdeed(edge, token)
        await asha.rest.delete(asha.conversation_id)
    return [token], {str(turn.status) for turn in turns}


async def ask_everything(asha: Person) -> list[TurnView]:
    """One question for each model; an answer that is stopped; a question answered again."""
    first = await asha.ask(f"{TEXT} to be repeated", "echo")
    handle = asha.client.ask(asha.conversation_id, f"{TEXT} to be stopped", "slow")
    async for view in handle:
        if view.answer:
            break
    await handle.stop()
    assert first.question_id is not None
    again = asha.client.regenerate(asha.conversation_id, first.question_id, "echo")
    async with asyncio.timeout(90):
        return [first, await handle.ended(), await again.ended(), *await ask_all_models(asha)]


async def ask_all_models(asha: Person) -> list[TurnView]:
    """A few at a time, each in a conversation of its own."""
    at_once = asyncio.Semaphore(4)

    async def ask(model: str) -> TurnView:
        async with at_once:
            return await asha.client.ask(new_id(), f"{TEXT} for {model}", model).ended()

    models = [model for model in (*PRACTICE, *FAILURES, "talkative-429", "talkative-500") if model != "slow"]
    return await asyncio.gather(*map(ask, models))


async def use_rest(edge: str, token: str, asha: Person) -> None:
    """The same by REST and events, and every refusal with a secret in each place where a client can put one."""
    asked = {
        "request_id": new_id(),
        "conversation_id": asha.conversation_id,
        "text": f"{TEXT} by REST",
        "model": "echo",
    }
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=edge, trust_env=False, headers=headers, timeout=30) as http:
        turn_id = (await http.post("/v1/turns", json=asked)).json()["turn_id"]
        events = await http.get(f"/v1/turns/{turn_id}/events")
        assert TEXT in events.text and "event: completed" in events.text
        refused = [
            await http.post("/v1/turns", json=asked | {"model": FIELD, "request_id": new_id()}),
            await http.post("/v1/turns", json=asked | {"attachments": [ATTACHMENT], "request_id": new_id()}),
            await http.post("/v1/turns", json=asked | {"request_id": FIELD}),
            await http.post("/v1/turns", json=asked | {"text": [TEXT]}),
            await http.post("/v1/turns", content=f'{{"text": "{TEXT}'),
            await http.get(f"/v1/turns/{QUERY}/events", params={"after": QUERY}),
            await http.get(f"/v1/conversations/{QUERY}/messages", params={"token": TOKEN, "password": PASSWORD}),
            await http.get("/v1/conversations", params={"before": QUERY}),
            await http.get(f"/{QUERY}", params={"access_token": TOKEN}),
            await http.patch(f"/v1/conversations/{new_id()}", json={"title": TITLE}),
            await http.patch(f"/v1/conversations/{asha.conversation_id}", json={"title": TITLE * 50}),
            await http.get("/v1/models", headers={"authorization": f"Bearer {TOKEN}"}),
            await http.get("/v1/models", headers={"authorization": f"Basic {PASSWORD}", "cookie": f"session={TOKEN}"}),
            await http.post("/v1/dev/sign-in", json={"name": f"{NAME}\n", "password": PASSWORD}),
            await http.post("/v1/dev/sign-in", json={"password": PASSWORD}),
            await http.post("/v1/dev/sign-in", json={"name": NAME}, headers={"host": f"{HEADER}.example"}),
            await http.request("TRACE", f"/v1/models?{QUERY}", headers={"x-forwarded-for": HEADER}),
        ]
    assert all(response.is_error for response in refused), [response.status_code for response in refused]


async def bad_frames(edge: str, token: str) -> None:
    """Each on a socket of its own, some until it is closed."""
    conversation_id, request_id = str(uuid.uuid4()), str(uuid.uuid4())
    send = {"type": "send", "request_id": request_id, "conversation_id": conversation_id, "text": TEXT}
    frames: list[str | bytes] = [
        f'{{"type": "{FIELD}", "text": "{TEXT}"}}',
        f'{{"type": "send", "text": "{TEXT}',
        f"{TEXT} is no JSON",
        json.dumps(send | {"request_id": FIELD}),
        json.dumps(send | {"model": FIELD}),
        json.dumps(send | {"attachments": [ATTACHMENT]}),
        json.dumps(send | {"parent_id": str(uuid.uuid4())}),
        json.dumps(send | {"on_busy": FIELD}),
        json.dumps({"type": "stop", "turn_id": str(uuid.uuid4())}),
        json.dumps({"type": "watch", "conversation_id": conversation_id, "after": {FIELD: TEXT}}),
        json.dumps({"type": "ping", "nonce": FIELD}),
        json.dumps({"type": "hello", "token": TOKEN}),
        json.dumps(send | {"text": TEXT * 7_000}),
        TEXT.encode(),
    ]
    for frame in frames:
        await on_a_socket(edge, lambda socket, frame=frame: say(socket, [hello(token), frame]))
    three = [f'{{"type": "{FIELD}{n}"}}' for n in range(3)]
    await on_a_socket(edge, lambda socket: say(socket, [hello(token), *three]))


async def bad_hellos(edge: str, token: str) -> None:
    for first in (
        hello(TOKEN),
        hello(token + TOKEN),
        f'{{"type": "hello", "token": "{TOKEN}',
        json.dumps({"token": TOKEN}),
    ):
        await on_a_socket(edge, lambda socket, first=first: say(socket, [first]))


async def bad_upgrades(edge: str, token: str) -> None:
    """A token in the address, a page from elsewhere, another protocol."""
    refused = [
        {"uri": f"{edge.replace('http', 'ws')}/v1/ws?token={TOKEN}&{QUERY}", "origin": f"http://{HEADER}.example"},
        {"uri": f"{edge.replace('http', 'ws')}/{QUERY}?token={TOKEN}"},
        {"uri": f"{edge.replace('http', 'ws')}/v1/ws?token={token}", "subprotocols": [HEADER]},
    ]
    for options in refused:
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(**{"subprotocols": ["samvad.v1"], "proxy": None, **options})
    in_the_address = f"{edge.replace('http', 'ws')}/v1/ws?token={TOKEN}"
    try:
        async with websockets.connect(in_the_address, subprotocols=["samvad.v1"], proxy=None) as socket:
            await say(socket, ["nothing that would sign in"])
    except websockets.InvalidStatus:
        return  # refused before the upgrade, as well


def hello(token: str) -> str:
    return json.dumps({"type": "hello", "token": token})


async def on_a_socket(edge: str, use: Callable[[Any], Awaitable[None]]) -> None:
    url = f"{edge.replace('http', 'ws')}/v1/ws"
    async with websockets.connect(url, subprotocols=["samvad.v1"], proxy=None, compression=None) as socket:
        await use(socket)


async def say(socket: Any, frames: list[str | bytes]) -> None:
    """Says them, and waits until the edge has taken the last: it answers a ping after it, or closes."""
    try:
        for frame in frames:
            await socket.send(frame)
        await socket.send(json.dumps({"type": "ping", "nonce": "taken"}))
        async with asyncio.timeout(10):
            while "taken" not in str(await socket.recv()):
                pass
    except websockets.ConnectionClosed:
        return
