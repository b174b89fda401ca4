"""Workers: killed at chosen moments of a turn, frozen, made more and fewer, cut off from the broker."""

import asyncio
from collections.abc import Callable
from random import Random

from infra.prove.fault_kinds import FaultKind
from infra.prove.faults.scene import FIND_SECONDS, READY_SECONDS, NobodyToHit, Scene, named
from infra.prove.open_turns import AskedTurn
from infra.prove.role import Role
from samvad_client import SamvadError

SHORT_FREEZE_SECONDS = 5.0
LONG_FREEZE_SECONDS = 40.0
"""Longer than the group's session and than it takes to be dead to the others."""
MOST_WORKERS = 6
SCALE_SECONDS = 5.0
CUT_SECONDS = 10.0
COMMIT_SECONDS = 0.03
"""From the last delta's sight to the end's compare-and-set and what follows it: about so long."""


async def kill_idle(scene: Scene, _: Random) -> None:
    """One more joins, and dies before it has taken anything for long: the others never sit idle under load."""
    (role,) = await scene.cast.add_workers(1)
    async with scene.fault(FaultKind.WORKER_KILL_IDLE, named(role)):
        role.kill()
        await scene.cast.take_away(role)


async def kill_before_first_token(scene: Scene, random: Random) -> None:
    """It holds a turn, and its model has said nothing."""
    await _kill_owner(scene, FaultKind.WORKER_KILL_BEFORE_FIRST_TOKEN, scene.open_turns.awaiting_first_token, random)


async def kill_mid_stream(scene: Scene, random: Random) -> None:
    """Somebody reads an answer of its."""
    await _kill_owner(scene, FaultKind.WORKER_KILL_MID_STREAM, scene.open_turns.streaming, random)


async def kill_before_commit(scene: Scene, random: Random) -> None:
    """The last word was shown: it stores the end, writes messages, bill and terminal frame, or is about to commit."""
    turn, role = await scene.worker_of_a_turn(scene.open_turns.streaming_to_a_known_end, random)
    turns = await scene.running_on(role)
    await _last_word(turn)
    await asyncio.sleep(random.uniform(0, COMMIT_SECONDS))
    if not role.ready.is_set():
        raise NobodyToHit
    await _kill(scene, FaultKind.WORKER_KILL_BEFORE_COMMIT, role, turns)


async def freeze_shortly(scene: Scene, random: Random) -> None:
    """SIGSTOP for 5 seconds."""
    await _freeze(scene, FaultKind.WORKER_FREEZE_5S, random, SHORT_FREEZE_SECONDS)


async def freeze_for_long(scene: Scene, random: Random) -> None:
    """SIGSTOP for 40 seconds: others take its turns over, then it wakes up as a zombie."""
    await _freeze(scene, FaultKind.WORKER_FREEZE_40S, random, LONG_FREEZE_SECONDS)


async def scale(scene: Scene, random: Random) -> None:
    """To six, to one, and back."""
    cast, usual = scene.cast, scene.cast.options.workers
    async with scene.fault(FaultKind.WORKERS_SCALE, f"{usual} -> {MOST_WORKERS} -> 1 workers"):
        await cast.add_workers(MOST_WORKERS - len(cast.workers))
        await asyncio.sleep(SCALE_SECONDS)
        leaving = cast.workers[1:]
        await asyncio.gather(*(cast.take_away(role) for role in random.sample(leaving, len(leaving))))
        await asyncio.sleep(SCALE_SECONDS)
        await cast.add_workers(usual - 1)


async def cut_network(scene: Scene, random: Random) -> None:
    """Nothing passes between the first worker and the brokers; half of the time its connections break as well."""
    role = scene.cast.workers[0]
    turns = await scene.running_on(role)
    async with scene.fault(FaultKind.WORKER_NETWORK_CUT_10S, named(role), turns):
        for proxy in scene.servers.proxies:
            proxy.freeze()
        try:
            await asyncio.sleep(CUT_SECONDS)
        finally:
            for proxy in scene.servers.proxies:
                if random.random() < 0.5:
                    proxy.cut()
                proxy.thaw()


async def _kill_owner(scene: Scene, kind: FaultKind, candidates: Callable[[], list[AskedTurn]], random: Random) -> None:
    turn, role = await scene.worker_of_a_turn(candidates, random)
    turns = await scene.running_on(role)
    if turn not in candidates() or not role.ready.is_set():
        raise NobodyToHit
    await _kill(scene, kind, role, turns)


async def _kill(scene: Scene, kind: FaultKind, role: Role, turns: list[str]) -> None:
    async with scene.fault(kind, named(role), turns):
        role.kill()
        await role.until_ready(READY_SECONDS)


async def _freeze(scene: Scene, kind: FaultKind, random: Random, seconds: float) -> None:
    role = await scene.any_worker(random)
    turns = await scene.running_on(role)
    async with scene.fault(kind, named(role), turns):
        role.freeze()
        try:
            await asyncio.sleep(seconds)
        finally:
            role.thaw()


async def _last_word(turn: AskedTurn) -> None:
    """Returns when all that the model says is shown, or the end is."""
    try:
        async with asyncio.timeout(FIND_SECONDS):
            async for _ in turn.handle:
                if turn.shows_everything:
                    return
    except (TimeoutError, SamvadError) as error:
        raise NobodyToHit from error
