"""G7, small: beside clients that read nothing, flood or read slowly, others get their answers, and memory is bounded.

How much the others notice of it in time is measured by `make bench-hostile`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from benchmarks.hostile import bound_bytes
from benchmarks.hostile_clients import ENDED, IDENTICAL, KINDS, UNFINISHED, Outcome, Victim, attack
from samvad_client import EdgeRest
from tests.whole.people import assert_seen_is_stored, person
from tests.whole.processes import server
from ws_edge.settings import EdgeSettings

EACH = 2
MODELS = dict.fromkeys(KINDS, "fast") | {"never_reads": "long"}
SLOW = "reads_1_kb_per_second"
SERVER_SLACK_BYTES = 40 * 1024 * 1024
"""The embedded server is worker, broker and store, too, whose memory grows with their first answers."""


@pytest.mark.timeout(300)  # about 10 s, most of it reading slowly; the machine may be busy
async def test_beside_hostile_clients_others_are_answered_and_memory_is_bounded(tmp_path: Path, models: Path) -> None:
    limits = {"SAMVAD_OUTBOX_BYTES": "32768", "SAMVAD_OUTBOX_HARD_BYTES": "65536"}
    with server(tmp_path, models, **limits) as running:
        process = psutil.Process(running.process.pid)
        async with person(running.said["edge"], "asha") as asha:
            turns = [await asha.ask("before")]
            before = process.memory_info().rss
            async with hostile_clients(running.said["edge"]) as outcomes:
                while len(turns) < 5 or sum(outcomes[SLOW].ends.values()) < EACH:
                    turns.append(await asha.ask("beside them"))
                grown = process.memory_info().rss - before
            await assert_seen_is_stored(asha, turns)
            assert {str(turn.status) for turn in turns} == {"completed"}
    edge = EdgeSettings(outbox_bytes=32_768, outbox_hard_bytes=65_536)
    assert grown <= bound_bytes(edge, EACH * len(KINDS), turns=1) + SERVER_SLACK_BYTES
    assert outcomes[SLOW].ends.keys() <= {IDENTICAL, "4409", UNFINISHED}
    for flooding in ("floods_pings", "sends_at_100x"):
        assert sum(outcomes[flooding].ends.values()) > EACH, "nobody was thrown out"
        assert outcomes[flooding].ends.keys() <= {"4429", ENDED, UNFINISHED}


@asynccontextmanager
async def hostile_clients(edge: str) -> AsyncIterator[dict[str, Outcome]]:
    """Some of each kind; what became of them is complete when the block has ended."""
    outcomes = {kind: Outcome() for kind in KINDS}
    async with EdgeRest(edge) as rest:
        tokens = {kind: [(await rest.sign_in(f"{kind} {n}")).token for n in range(EACH)] for kind in KINDS}
    async with asyncio.TaskGroup() as tasks:
        under_way = [
            tasks.create_task(attack(Victim(edge, token, MODELS[kind], outcomes[kind]), KINDS[kind], asyncio.Event()))
            for kind in KINDS
            for token in tokens[kind]
        ]
        yield outcomes
        for task in under_way:
            task.cancel()
