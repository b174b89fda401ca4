"""Puts in the faults of a schedule, lane by lane, when they are due.

In: a schedule, the scene. Out: faults, each ended before the next of its lane begins; what was left out is said.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from random import Random

from infra.cluster.keeping import DidNotStart, Say
from infra.prove.fault_kinds import MANNERS, FaultKind, Lane
from infra.prove.faults import of_others, of_servers, of_workers
from infra.prove.faults.scene import NobodyToHit, Scene
from infra.prove.schedule import PlannedFault
from infra.stack import StackError

Inject = Callable[[Scene, Random], Awaitable[None]]

WAYS: Mapping[FaultKind, Inject] = {
    FaultKind.BROKER_KILL: of_servers.kill_broker,
    FaultKind.BROKER_FREEZE_20S: of_servers.freeze_broker,
    FaultKind.CASSANDRA_FREEZE_30S: of_servers.freeze_cassandra,
    FaultKind.CASSANDRA_KILL: of_servers.kill_cassandra,
    FaultKind.WORKER_KILL_IDLE: of_workers.kill_idle,
    FaultKind.WORKER_KILL_BEFORE_FIRST_TOKEN: of_workers.kill_before_first_token,
    FaultKind.WORKER_KILL_MID_STREAM: of_workers.kill_mid_stream,
    FaultKind.WORKER_KILL_BEFORE_COMMIT: of_workers.kill_before_commit,
    FaultKind.WORKER_FREEZE_5S: of_workers.freeze_shortly,
    FaultKind.WORKERS_SCALE: of_workers.scale,
    FaultKind.EDGE_KILL: of_others.kill_edge,
    FaultKind.WORKER_FREEZE_40S: of_workers.freeze_for_long,
    FaultKind.WORKER_NETWORK_CUT_10S: of_workers.cut_network,
    FaultKind.CLOCK_STEP: of_others.step_clock,
    FaultKind.GARBAGE_RECORD: of_others.write_garbage,
    FaultKind.OVERSIZED_RECORD: of_others.write_oversized,
}
TRIES = 3


async def put_in(planned: Iterable[PlannedFault], scene: Scene, say: Say) -> None:
    """Returns when the last one is over. Cancelled, it takes out what is in."""
    faults, began = list(planned), asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as lanes:
        for lane in Lane:
            mine = [fault for fault in faults if MANNERS[fault.kind].lane is lane]
            lanes.create_task(_go_through(mine, began, scene, say))


async def _go_through(faults: list[PlannedFault], began: float, scene: Scene, say: Say) -> None:
    for fault in faults:
        await asyncio.sleep(began + fault.at_seconds - asyncio.get_running_loop().time())
        await _put_in(fault, scene, say)
        if MANNERS[fault.kind].lane is Lane.SERVERS:
            # On a busy machine the next would come before anything went on after this one.
            await scene.until_it_runs()


async def _put_in(fault: PlannedFault, scene: Scene, say: Say) -> None:
    random = Random(fault.seed)
    for _ in range(TRIES):
        try:
            await WAYS[fault.kind](scene, random)
        except NobodyToHit:
            continue
        except (DidNotStart, StackError) as error:
            say(f"{fault.kind}: {error}")
        return
    say(f"{fault.kind} was left out: its moment did not come")
