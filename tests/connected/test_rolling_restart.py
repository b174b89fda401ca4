"""A new version under load: all workers are replaced, then all edges; no answer is lost, doubled or begun again (G6).

24 people in CI. SAMVAD_TEST_STREAMS=300 is the full size: answers of 18 s, three workers, some minutes.
"""

import asyncio
import logging
import os
import time
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from tests.connected.crowd import Crowd, talking_crowd
from tests.connected.practice_calls import ends_of_calls, forget_calls
from tests.connected.roles import Roles
from tests.whole.processes import Program, free_port

pytestmark = [pytest.mark.connected, pytest.mark.proof, pytest.mark.timeout(900)]

log = logging.getLogger(__name__)

STREAMS = int(os.environ.get("SAMVAD_TEST_STREAMS", "24"))
IS_FULL_SIZE = STREAMS >= 100
MODEL = "paced" if IS_FULL_SIZE else "reading"
WORKERS = 3 if IS_FULL_SIZE else 2
EDGE_DRAIN_SECONDS = "20" if IS_FULL_SIZE else "3"
END_SECONDS = 60.0
"""More than a worker's drain and what comes after it."""


async def test_every_worker_and_every_edge_is_replaced_under_load_and_nothing_is_cut(
    roles: Roles, provider_url: str
) -> None:
    forget_calls(provider_url)
    ports = [str(free_port()) for _ in range(2)]
    async with AsyncExitStack() as stack:
        workers = [stack.enter_context(roles.worker()) for _ in range(WORKERS)]
        edges = [_edge(stack, roles, port) for port in ports]
        async with talking_crowd([edge.said["edge"] for edge in edges], STREAMS, MODEL) as crowd:
            await crowd.until_answered(STREAMS // 2)
            began = time.monotonic()
            await _replace_workers(stack, roles, workers)
            crowd.assert_sockets_stayed_open()
            await _replace_edges(stack, roles, edges, ports)
            seconds = time.monotonic() - began
            await crowd.until_everybody_got_an_answer()
        assert all(someone.sessions[False] for someone in crowd.people), "each had to come back, and did by itself"
        # A claim may move before its model was asked; an answer that began is never begun again.
        assert ends_of_calls(provider_url) == {"completed": crowd.answered}
        log.info("restarted in %.0f s; %s", seconds, _told(crowd))


async def _replace_workers(stack: AsyncExitStack, roles: Roles, workers: list[Program]) -> None:
    """Each once another one is ready."""
    for old in workers:
        await asyncio.to_thread(stack.enter_context, roles.worker())
        assert await asyncio.to_thread(old.end, END_SECONDS) == 0


async def _replace_edges(stack: AsyncExitStack, roles: Roles, edges: list[Program], ports: list[str]) -> None:
    """On the same ports: their people knock until somebody answers there again."""
    for old, port in zip(edges, ports, strict=True):
        assert await asyncio.to_thread(old.end, END_SECONDS) == 0
        await asyncio.to_thread(_edge, stack, roles, port)


def _edge(stack: AsyncExitStack, roles: Roles, port: str) -> Program:
    return stack.enter_context(roles.edge(SAMVAD_PORT=port, SAMVAD_DRAIN_SECONDS=EDGE_DRAIN_SECONDS))


def _told(crowd: Crowd) -> str:
    attempts = Counter(turn.attempt for seen in crowd.turns for turn in seen)
    return f"answers by attempt {dict(attempts)}, the longest took {crowd.longest_wait_seconds:.1f} s"
