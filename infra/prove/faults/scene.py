"""What a fault finds: the servers, the processes, the turns of the moment, and the history that it is written into.

In: whom to look for. Out: a worker that runs such a turn; events of faults that began and ended.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from infra.prove.cast import Cast
from infra.prove.events import FaultBegan, FaultEnded
from infra.prove.fault_kinds import FaultKind
from infra.prove.open_turns import AskedTurn, OpenTurns
from infra.prove.recording import Recorder
from infra.prove.role import Role
from infra.prove.servers import ProofServers
from store.errors import StoreError
from store.rows import TurnRow

FIND_SECONDS = 20.0
LOOK_AGAIN_SECONDS = 0.05
READ_SECONDS = 0.5
READY_SECONDS = 60.0
MOST_ROWS = 60
TURNS_THAT_SHOW_IT = 10
RUNS_SECONDS = 45.0


class NobodyToHit(Exception):
    """The moment that the fault waits for did not come; it is left out."""


class Turns(Protocol):
    """The store's rows."""

    async def load(self, turn_id: str) -> TurnRow | None: ...


@dataclass
class Scene:
    """`under_way`: the faults of this moment, by kind."""

    servers: ProofServers
    cast: Cast
    open_turns: OpenTurns
    rows: Turns
    recorder: Recorder
    under_way: Counter[FaultKind] = field(default_factory=Counter)
    put_in: Counter[FaultKind] = field(default_factory=Counter)

    @asynccontextmanager
    async def fault(self, kind: FaultKind, target: str, turns: Sequence[str] = ()) -> AsyncIterator[None]:
        """The fault is there while the block runs."""
        self.recorder.write(FaultBegan(at=time.monotonic(), fault=kind, target=target, turns=tuple(turns)))
        self.under_way[kind] += 1
        self.put_in[kind] += 1
        try:
            yield
        finally:
            self.under_way[kind] -= 1
            self.recorder.write(FaultEnded(at=time.monotonic(), fault=kind, target=target))

    async def worker_of_a_turn(
        self, candidates: Callable[[], list[AskedTurn]], random: Random
    ) -> tuple[AskedTurn, Role]:
        """Any of these turns whose owner runs here. Raises NobodyToHit when there is none for too long."""
        until = time.monotonic() + FIND_SECONDS
        while time.monotonic() < until:
            turns = candidates()
            for turn in random.sample(turns, len(turns)):
                role = await self._owner(turn)
                if role is not None and role in self.cast.ready_workers() and turn in candidates():
                    return turn, role
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        raise NobodyToHit

    async def any_worker(self, random: Random) -> Role:
        """A ready one. Raises NobodyToHit."""
        until = time.monotonic() + FIND_SECONDS
        while not (ready := self.cast.ready_workers()):
            if time.monotonic() > until:
                raise NobodyToHit
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return random.choice(ready)

    async def running_on(self, role: Role) -> list[str]:
        """The open turns that the worker owns, as far as the store says so at once."""
        turns = self.open_turns.still_open()[-MOST_ROWS:]
        owners = await asyncio.gather(*(self._owner(turn) for turn in turns))
        return [turn.turn_id for turn, owner in zip(turns, owners, strict=True) if owner is role]

    async def until_it_runs(self) -> None:
        """Some turns have ended since now; or it takes too long, and that will show in the verdict."""
        self.open_turns.still_open()
        wanted = self.open_turns.ended + TURNS_THAT_SHOW_IT
        until = time.monotonic() + RUNS_SECONDS
        while self.open_turns.ended < wanted and time.monotonic() < until:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            self.open_turns.still_open()

    async def _owner(self, turn: AskedTurn) -> Role | None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                row = await self.rows.load(turn.turn_id)
        except (TimeoutError, StoreError):
            return None
        return self.cast.worker(row.owner) if row else None


def named(role: Role) -> str:
    """A process as the history names it: its name, a worker's id, its pid."""
    return " ".join(filter(None, (role.name, role.worker_id, f"pid {role.pid}")))
