"""A run of a proof from its first server to its last: start, load with faults, settle, collect, end.

In: options. Out: the history of the run, in files; no process is left, however it ends.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError

from infra.cluster.keeping import Say
from infra.prove.cast import Cast, environ_of_roles
from infra.prove.collecting.provider_calls import CallCollector
from infra.prove.collecting.rows import collect_messages, collect_turns
from infra.prove.collecting.topics import collect_topics
from infra.prove.crowd import crowd, living
from infra.prove.faults.injecting import put_in
from infra.prove.faults.scene import Scene
from infra.prove.open_turns import OpenTurns
from infra.prove.options import ProofOptions
from infra.prove.person import Person, Surroundings
from infra.prove.recording import Recorder
from infra.prove.schedule import schedule
from infra.prove.servers import ProofServers, proof_servers
from infra.prove.settling import settle
from infra.refused import Refused
from infra.starting import unless_stopped
from store.cassandra.opening import CassandraStore, open_cassandra_store
from store.errors import StoreError

LIVE_FILE = "live.jsonl"
"""Clients, faults and provider calls, as they happen."""
AFTER_FILE = "after.jsonl"
"""What was there when all was over."""
PROGRESS_SECONDS = 5.0
STOPPED_SETTLE_SECONDS = 60.0
"""A run that is broken off waits only so long for the answers that are under way."""
COLLECT_SECONDS = 300.0
LONGEST = 2
"""Times the time that the load should take."""


class CanNotBeJudged(Refused):
    """The run is over, but what it left could not be read."""


async def run_history(options: ProofOptions, stop: asyncio.Event, say: Say) -> list[Path]:
    """Files of events. `stop` ends the load early; what there is is collected all the same.

    Raises Refused when it can't be run: a missing tool, servers or processes that do not start; StoppedBeforeReady.
    """
    options.folder.mkdir(mode=0o700, parents=True)
    live, after = options.folder / LIVE_FILE, options.folder / AFTER_FILE
    with Recorder(live) as recorder, Recorder(after) as collected:
        async with _standing(options, recorder, stop, say) as (scene, store):
            await _load_and_settle(options, scene, stop, say)
            say("collecting rows, messages, bills and published frames ...")
            await _collect(scene, store, collected)
            say("draining ...")
    return [live, after]


async def _collect(scene: Scene, store: CassandraStore, collected: Recorder) -> None:
    asked = scene.open_turns.asked
    try:
        async with asyncio.timeout(COLLECT_SECONDS):
            await collect_turns(asked, store.turns, collected)
            await collect_messages(asked, store.messages, collected)
            await collect_topics(scene.servers.addresses.kafka_address(), collected)
    except (TimeoutError, StoreError, KafkaError) as error:
        raise CanNotBeJudged(f"what the run left could not be read ({error!r}); its folder has the logs") from error


@asynccontextmanager
async def _standing(
    options: ProofOptions, recorder: Recorder, stop: asyncio.Event, say: Say
) -> AsyncIterator[tuple[Scene, CassandraStore]]:
    """Servers and processes, ready."""
    async with AsyncExitStack() as stack:
        async with unless_stopped(stop):
            servers = await stack.enter_async_context(proof_servers(options, say))
            cast = _cast(options, servers, say)
            stack.push_async_callback(cast.end)
            await cast.start()
            store = await stack.enter_async_context(open_cassandra_store(servers.addresses.cassandra_address()))
        yield Scene(servers, cast, OpenTurns(), store.turns, recorder), store


def _cast(options: ProofOptions, servers: ProofServers, say: Say) -> Cast:
    environ = environ_of_roles(servers.addresses.environ())
    return Cast(options, environ, {"SAMVAD_KAFKA": servers.through_proxies}, say)


async def _load_and_settle(options: ProofOptions, scene: Scene, stop: asyncio.Event, say: Say) -> None:
    """The provider remembers its newest calls only, so they are fetched all the time."""
    calls = CallCollector(scene.cast.provider_url, scene.recorder, scene.open_turns.turn_by_text.get)
    edges = tuple(role.said["edge"] for role in scene.cast.edges)
    around = Surroundings(edges, scene.recorder, scene.open_turns, options.think_seconds)
    async with _in_the_background(calls.run()), crowd(options, around) as people:
        await _load(options, scene, people, stop, say)
        say("nothing is broken any more; waiting for the last answers ...")
        await settle(people, scene, STOPPED_SETTLE_SECONDS if stop.is_set() else options.settle_seconds, say)
    await calls.collect(over=True)


async def _load(options: ProofOptions, scene: Scene, people: list[Person], stop: asyncio.Event, say: Say) -> None:
    """As long as it should last, and until every planned fault was put in; or until it is stopped."""
    planned = schedule(options.faults, options.seconds, options.seed)
    async with living(people), _in_the_background(_tell_progress(scene, len(planned), say)):
        lasting = asyncio.create_task(_last(options.seconds, put_in(planned, scene, say)))
        async with _in_the_background(_cancel_when(stop, lasting)):
            with suppress(asyncio.CancelledError):
                await lasting


async def _last(seconds: float, breaking: Coroutine[Any, Any, None]) -> None:
    """So long, and until every fault was put in; on a machine that is too busy for them, not for ever."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST * seconds), asyncio.TaskGroup() as both:
            both.create_task(asyncio.sleep(seconds))
            both.create_task(breaking)


async def _cancel_when(stop: asyncio.Event, lasting: asyncio.Task[None]) -> None:
    await stop.wait()
    lasting.cancel()


@asynccontextmanager
async def _in_the_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """While the block runs."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _tell_progress(scene: Scene, planned: int, say: Say) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        under_way = ", ".join(kind for kind, number in scene.under_way.items() if number)
        say(
            f"{time.monotonic() - began:5.0f} s  {len(scene.open_turns.asked)} turns asked, "
            f"{len(scene.open_turns.still_open())} open, {scene.put_in.total()} of {planned} faults"
            + (f"; now {under_way}" if under_way else "")
        )
