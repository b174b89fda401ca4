"""Two devices of one user at two edges, on real Kafka and Cassandra: shown alike, and as it is stored."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connected.roles import Roles
from tests.whole.devices import (
    a_late_device_ends_with_the_same_text,
    a_stop_on_one_device_is_seen_on_the_other,
    changes_of_the_list_reach_every_device,
    two_tabs_give_one_transcript,
)

pytestmark = [pytest.mark.connected, pytest.mark.timeout(120)]

Edges = tuple[str, str]


@pytest.fixture(scope="module")
def edges(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Edges]:
    roles = Roles(environ, tmp_path_factory.mktemp("roles"), models)
    with roles.worker() as _, roles.edge() as first, roles.edge() as second:
        yield first.said["edge"], second.said["edge"]


async def test_a_device_that_comes_late_at_another_edge_ends_with_the_same_text(edges: Edges) -> None:
    await a_late_device_ends_with_the_same_text(*edges)


async def test_a_stop_at_one_edge_is_seen_at_the_other(edges: Edges) -> None:
    await a_stop_on_one_device_is_seen_on_the_other(*edges)


async def test_two_tabs_at_two_edges_with_fifty_questions_each_give_one_transcript(edges: Edges) -> None:
    await two_tabs_give_one_transcript(*edges, sends=50)


async def test_changes_of_the_list_reach_every_device_at_both_edges(edges: Edges) -> None:
    await changes_of_the_list_reach_every_device(*edges)
