"""A small system on a standing stack, with people who talk, so that a schedule of seconds shows what a bug does.

In: the stack, a folder, the commands of the roles. Out: a history, as `samvad prove` collects it, of this stage alone.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from infra.cluster.keeping import Keeper
from infra.prove.cast import environ_of_roles
from infra.prove.collecting.provider_calls import CallCollector
from infra.prove.collecting.rows import collect_messages, collect_turns
from infra.prove.collecting.topics import collect_topics
from infra.prove.device import Device
from infra.prove.events import AnyEvent, Asked, Billed, GaveUp, Published, StopAsked, read_history
from infra.prove.recording import Recorder
from infra.prove.role import Role
from infra.prove.settling import uncommitted
from samvad_client import EdgeRest, TurnHandle
from schemas.ids import new_id, turn_id_of
from store.cassandra.opening import open_cassandra_store
from tests.connected.running_stack import RunningStack
from tests.whole.processes import models_file

MODELS = {
    "brief": ["practice-40x25"],
    "middling": ["practice-200x25"],
    "lengthy": ["practice-600x25"],
    "endless": ["practice-1x25-endless"],
}
"""1, 5 and 15 seconds, and until it is stopped."""
SETTINGS = {
    "SAMVAD_SESSION_SECONDS": "3",
    "SAMVAD_DEAD_AFTER_SECONDS": "2",
    "SAMVAD_DRAIN_SECONDS": "1",
    "SAMVAD_GAP_SECONDS": "60",
    "SAMVAD_PORT": "0",
    "SAMVAD_ADMIN_PORT": "0",
}
"""Of all roles. A dead worker is found dead soon; one that slept does not blame its provider for the silence."""
END_SECONDS = 15.0
SETTLE_SECONDS = 120.0
QUIET_SECONDS = 2.0
FOLLOWING_SECONDS = 5.0
"""What follows the last end: bills, connections that the provider sees closed, and whatever a bug adds."""


@dataclass(eq=False)
class Turn:
    """One question of one person."""

    turn_id: str
    device: Device
    handle: TurnHandle

    def shows(self, characters: int) -> bool:
        return len(self.handle.view.answer) >= characters


@dataclass
class Stage:
    """`workers` in the order of their start; `turns` in the order of asking."""

    stack: RunningStack
    folder: Path
    worker_command: tuple[str, ...]
    recorder: Recorder
    cleanup: AsyncExitStack
    workers: list[Role] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    turn_of_text: dict[str, str] = field(default_factory=dict)
    where: dict[str, tuple[str, str]] = field(default_factory=dict)
    """User and conversation of each turn."""
    environ: dict[str, str] = field(default_factory=dict)
    edge: str = ""
    calls: CallCollector | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    async def start(self, edge_command: tuple[str, ...]) -> None:
        """A provider, an edge and a worker."""
        arguments = ("practice-provider", "--port", "0")
        provider = Keeper("provider", arguments, os.environ, self.folder / "provider.log", _say_nothing)
        self.cleanup.push_async_callback(provider.end, END_SECONDS)
        url = (await provider.start())["base_url"]
        models = models_file(self.folder, url, **MODELS)
        places = {"SAMVAD_MODELS": str(models), "SAMVAD_DATA": str(self.folder)}
        self.environ = environ_of_roles(self.stack.environ) | SETTINGS | places
        self.calls = CallCollector(url, self.recorder, self.turn_of_text.get)
        edge = self._role("edge", edge_command)
        said, _ = await asyncio.gather(edge.start(), self.worker())
        self.edge = said["edge"]

    async def worker(self) -> Role:
        """One more."""
        role = self._role("worker", self.worker_command)
        self.workers.append(role)
        await role.start()
        return role

    async def person(self) -> Device:
        """Signed in, with a connected device."""
        name = f"person-{new_id()}"
        async with EdgeRest(self.edge) as rest:
            device = Device(f"{name}/1", await rest.sign_in(name), self.edge, self.recorder)
        await self.cleanup.enter_async_context(device.client)
        await device.client.connected.wait()
        return device

    async def asked_by_somebody(self, model: str) -> Turn:
        """A question in a conversation of its own."""
        return self.ask(await self.person(), new_id(), model)

    def ask(self, device: Device, conversation_id: str, model: str) -> Turn:
        """Recorded as it is asked."""
        number, user_id = next(self._numbers), device.user.user_id
        text = f"Question {number} of {user_id}"
        handle = device.client.ask(conversation_id, text, model)
        request_id = str(handle.view.request_id)
        turn_id = turn_id_of(user_id, conversation_id, request_id)
        who = {"client": device.name, "user_id": user_id, "conversation_id": conversation_id}
        what = {"request_id": request_id, "turn_id": turn_id, "text": text, "model": model}
        self.recorder.write(Asked(at=time.monotonic(), number=number, **who, **what))
        turn = Turn(turn_id, device, handle)
        self.turns.append(turn)
        self.turn_of_text[text] = turn_id
        self.where[turn_id] = (user_id, conversation_id)
        return turn

    async def stop(self, turn: Turn) -> None:
        """Recorded as it is asked."""
        self.recorder.write(StopAsked(at=time.monotonic(), client=turn.device.name, turn_id=turn.turn_id))
        await turn.handle.stop()

    async def settled(self) -> None:
        """Every turn has ended; or nobody has anything left to do for a while; or it takes too long."""
        kafka, until, idle_since = self.stack.addresses.kafka_address(), time.monotonic() + SETTLE_SECONDS, 0.0
        while self._open() and time.monotonic() < until:
            is_idle = await uncommitted(kafka) == 0 and all(worker.ready.is_set() for worker in self.workers)
            idle_since = (idle_since or time.monotonic()) if is_idle else 0.0
            if idle_since and time.monotonic() - idle_since > QUIET_SECONDS:
                break
            await asyncio.sleep(0.2)
        for turn in self._open():
            self.recorder.write(GaveUp(at=time.monotonic(), client=turn.device.name, turn_id=turn.turn_id))
        await asyncio.sleep(FOLLOWING_SECONDS)

    async def collect(self) -> None:
        """What is there when all is over."""
        assert self.calls is not None
        await self.calls.collect(over=True)
        async with open_cassandra_store(self.stack.addresses.cassandra_address()) as store:
            await collect_turns(self.where, store.turns, self.recorder)
            await collect_messages(self.where, store.messages, self.recorder)
        await collect_topics(self.stack.addresses.kafka_address(), self.recorder)

    def _open(self) -> list[Turn]:
        return [turn for turn in self.turns if not turn.handle.view.has_ended]

    def _role(self, name: str, command: tuple[str, ...]) -> Role:
        log = self.folder / f"{name}-{next(self._numbers)}.log"
        role = Role(name, command, self.environ, log, _say_nothing)
        self.cleanup.push_async_callback(role.end, END_SECONDS)
        return role


@asynccontextmanager
async def stage(
    stack: RunningStack, folder: Path, worker_command: tuple[str, ...], edge_command: tuple[str, ...]
) -> AsyncIterator[Stage]:
    """A started system; everything is ended with the block."""
    with Recorder(folder / "history.jsonl") as recorder:
        async with AsyncExitStack() as cleanup:
            standing = Stage(stack, folder, worker_command, recorder, cleanup)
            await standing.start(edge_command)
            yield standing


def history_of(standing: Stage) -> list[AnyEvent]:
    """The events of its people, once it is over; others may use the same topics."""
    users = {user_id for user_id, _ in standing.where.values()}
    return [event for event in read_history([standing.recorder.file]) if _user_of(event) in (None, *users)]


async def until_so(is_so: Callable[[], bool], seconds: float) -> bool:
    """Whether it became so within the time."""
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.02)
    return True


def _user_of(event: AnyEvent) -> str | None:
    match event:
        case Published(user_id=user_id):
            return user_id
        case Billed(record=record):
            return record.user_id
    return None


def _say_nothing(_: str) -> None:
    pass
