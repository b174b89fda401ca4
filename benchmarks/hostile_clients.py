"""Clients that behave badly, many of them, as a process of their own.

`python -m benchmarks.hostile_clients EDGE KIND COUNT MODEL FILE` says a line of JSON when all are at it, goes on until
SIGTERM, and then writes into FILE what became of them: an `Outcome`.
"""

import asyncio
import json
import os
import signal
import sys
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from websockets.frames import Frame, Opcode

from benchmarks.hostile_socket import HostileSocket, hostile_socket
from samvad_client.reducer import apply
from samvad_client.rest import EdgeRest
from samvad_client.turn_view import TurnView
from schemas.client_frames import Ping, Send, Watch
from schemas.codec import decode_server_frame, encode
from schemas.frames import AnyTurnFrame, Queued

SLOW_BYTES_PER_SECOND = 1024
LONG_QUESTION_CHARACTERS = 10_000
WATCHES_PER_SECOND = 40
FLOOD_FRAMES = 200
TIMES_THE_LIMIT = 100
AGAIN_SECONDS = 0.2
"""Whoever is thrown out comes back at once: that is what makes it hostile."""
IDENTICAL, DIFFERENT, UNFINISHED, ENDED = "identical", "different", "unfinished", "ended"


@dataclass(slots=True)
class Outcome:
    """`ends`: sessions by how they ended: a close code, `ended` without one, or, of slow readers, what their text was
    against the stored one.
    """

    ends: dict[str, int] = field(default_factory=Counter)
    bytes_written: int = 0


@dataclass(frozen=True, slots=True)
class Victim:
    """Where a hostile client is signed in, and what it asks."""

    edge_url: str
    token: str
    model: str
    outcome: Outcome


async def never_reads(session: HostileSocket, victim: Victim) -> str:
    """Has an open turn with a long question shown again and again, 400 KB/s of snapshots, and reads none of them."""
    question = _question(victim.model, "x" * LONG_QUESTION_CHARACTERS)
    await session.say(question)
    while True:
        await session.say(Watch(question.conversation_id))
        await asyncio.sleep(1 / WATCHES_PER_SECOND)


async def reads_slowly(session: HostileSocket, victim: Victim) -> str:
    """1 KB a second of one answer, to its end; then it compares with what is stored."""
    question = _question(victim.model)
    view = TurnView(conversation_id=str(question.conversation_id))
    await session.say(question)
    while not (view.has_ended or session.has_ended):
        began = time.monotonic()
        await session.read(SLOW_BYTES_PER_SECOND)
        for raw in session.texts:
            said = decode_server_frame(raw)
            if isinstance(said, AnyTurnFrame | Queued):
                apply(view, said)
        session.texts.clear()
        await asyncio.sleep(max(0.0, 1 - (time.monotonic() - began)))
    if not view.has_ended:
        return str(session.close_code or ENDED)
    async with EdgeRest(victim.edge_url, victim.token) as rest:
        rows = (await rest.messages(str(question.conversation_id))).messages
    return IDENTICAL if [row.text for row in rows if row.role == "assistant"] == [view.answer] else DIFFERENT


async def floods_pings(session: HostileSocket, victim: Victim) -> str:
    """As many pings as the network takes, and reads none of the pongs."""
    flood = b"".join(Frame(Opcode.PING, b"x" * 125).serialize(mask=True) for _ in range(FLOOD_FRAMES))
    while True:
        await session.write(flood)
        victim.outcome.bytes_written += len(flood)
        await asyncio.sleep(0)  # a write that the kernel takes at once gives nobody else a turn


async def sends_too_much(session: HostileSocket, victim: Victim) -> str:
    """Messages at a hundred times the limit; reads along, so that it could know better."""
    limit = 50 * TIMES_THE_LIMIT
    message = Frame(Opcode.TEXT, encode(Ping("x"))).serialize(mask=True)
    while not session.has_ended:
        await session.write(message * (limit // 100))
        victim.outcome.bytes_written += len(message) * (limit // 100)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await session.read(65536)
    return str(session.close_code or ENDED)


Behaviour = Callable[[HostileSocket, Victim], Awaitable[str]]
KINDS: dict[str, Behaviour] = {
    "never_reads": never_reads,
    "reads_1_kb_per_second": reads_slowly,
    "floods_pings": floods_pings,
    "sends_at_100x": sends_too_much,
}


def _question(model: str, text: str = "Tell me something long.") -> Send:
    return Send(uuid.uuid4(), uuid.uuid4(), text, model)


async def attack(victim: Victim, behaviour: Behaviour, begun: asyncio.Event) -> None:
    """Again and again until it is cancelled."""
    while True:
        end = UNFINISHED
        try:
            async with hostile_socket(victim.edge_url, victim.token) as session:
                begun.set()
                end = await _to_its_end(session, behaviour, victim)
        except (ConnectionError, TimeoutError):
            end = "refused"
        finally:
            victim.outcome.ends[end] += 1
        await asyncio.sleep(AGAIN_SECONDS)


async def _to_its_end(session: HostileSocket, behaviour: Behaviour, victim: Victim) -> str:
    """A write that fails says that it is over; the close code, if one came, is still to be read."""
    try:
        return await behaviour(session, victim)
    except ConnectionError:
        while not session.has_ended:
            await session.read(65536)
        return str(session.close_code or ENDED)


async def _attack_until_told(edge_url: str, kind: str, count: int, model: str) -> Outcome:
    outcome, stop, begun = Outcome(), asyncio.Event(), [asyncio.Event() for _ in range(count)]
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with EdgeRest(edge_url) as rest:
        tokens = [(await rest.sign_in(f"hostile-{kind}-{number}")).token for number in range(count)]
    victims = [Victim(edge_url, token, model, outcome) for token in tokens]
    tasks = [asyncio.create_task(attack(*each)) for each in zip(victims, [KINDS[kind]] * count, begun, strict=True)]
    await asyncio.gather(*(each.wait() for each in begun))
    print(json.dumps({"kind": kind}), flush=True)
    await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return outcome


def main() -> None:
    """They would have machines of their own: here they take the CPU that others leave, and not more."""
    os.nice(19)
    edge_url, kind, count, model, file = sys.argv[1:]
    outcome = asyncio.run(_attack_until_told(edge_url, kind, int(count), model))
    Path(file).write_bytes(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
