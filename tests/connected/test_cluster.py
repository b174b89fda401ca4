"""`samvad cluster`: real servers, two edges and two workers by one command; what holds across edges and workers."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.connected.crowd import talking_crowd
from tests.connected.running_stack import RunningStack
from tests.contracts.deadlines import eventually
from tests.whole.people import assert_seen_is_stored, person
from tests.whole.processes import Program, free_port, is_gone, program, program_environ

PATIENCE = {"start_seconds": 90.0, "end_seconds": 40.0}
"""A cluster starts and drains several processes; one that is killed could not end them."""

pytestmark = [pytest.mark.connected, pytest.mark.timeout(120)]


def _samvad(*arguments: str, said: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *arguments],
        input=said,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=program_environ(),
    )


def _role(cluster: Program, role: str) -> list[psutil.Process]:
    """The cluster's processes of one role, in the order of their ports."""
    children = psutil.Process(cluster.process.pid).children()
    return sorted((each for each in children if role in each.cmdline()), key=_admin_port)


def _admin_port(process: psutil.Process) -> str:
    return process.environ()["SAMVAD_ADMIN_PORT"]


@pytest.fixture(scope="module")
def cluster(stack: RunningStack, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """On the run's servers, which it finds running and so leaves; `said` has its `edges` and admin addresses."""
    folder = tmp_path_factory.mktemp("cluster")
    command = ("cluster", "--stack", str(stack.folder), "--folder", str(folder), "--port", str(free_port()))
    environ = {"SAMVAD_MODELS": str(models), "SAMVAD_ADMIN_PORT": str(free_port()), "SAMVAD_DRAIN_SECONDS": "5"}
    with program(*command, environ=environ, log=folder / "cluster.log", **PATIENCE) as running:
        yield running


@pytest.fixture
def edges(cluster: Program) -> list[str]:
    return cluster.said["edges"].split(",")


async def test_a_conversation_begun_on_one_edge_goes_on_at_the_other(edges: list[str]) -> None:
    async with person(edges[0], "asha") as at_one, person(edges[1], "asha") as at_the_other:
        first = await at_one.ask("My name is Asha.")
        at_the_other.conversation_id = at_one.conversation_id
        seen = await at_the_other.client.watch(at_one.conversation_id)
        second = await at_one.ask("And then?", "slow")
        elsewhere = seen.turn(str(second.turn_id))
        assert elsewhere is not None
        assert (await at_the_other.client.follow(elsewhere).ended()).answer == second.answer
        third = await at_the_other.ask("What is my name?", "echo")
        assert "My name is Asha." in third.answer
        await assert_seen_is_stored(at_one, [first, second, third])


def test_talk_answers_on_either_edge(edges: list[str]) -> None:
    for edge in edges:
        said = _samvad("talk", "--edge", edge, "--name", "piped", said="Hello?\n")
        assert said.returncode == 0, said.stderr
        assert len(said.stdout.split()) > 5


def test_a_second_cluster_names_the_port_that_is_in_use(cluster: Program, edges: list[str], tmp_path: Path) -> None:
    port = edges[0].rpartition(":")[2]
    said = _samvad("cluster", "--port", port, "--folder", str(tmp_path / "c"), "--stack", str(tmp_path / "s"))
    assert said.returncode == 1
    assert port in said.stderr and "Traceback" not in said.stderr
    assert not (tmp_path / "s").exists(), "nothing was started"


async def test_a_worker_killed_in_the_middle_costs_no_answer_and_is_started_again(
    cluster: Program, edges: list[str]
) -> None:
    async with talking_crowd(edges, 12, "slow") as crowd:
        await crowd.until_everybody_reads()
        victim, other = _role(cluster, "worker")
        victim.kill()
        await crowd.until_answered(24)

        async def are_two() -> bool:
            return {other.pid} < {each.pid for each in _role(cluster, "worker")}

        await eventually(are_two, seconds=20)
    assert any(turn.attempt > 1 for seen in crowd.turns for turn in seen), "nothing ran on the worker that was killed"


@contextmanager
def _small_cluster(stack: RunningStack, folder: Path) -> Iterator[tuple[Program, list[int]]]:
    """A practice provider, an edge and a worker; and their process ids."""
    command = ("cluster", "--edges", "1", "--workers", "1", "--stack", str(stack.folder), "--folder", str(folder))
    ports = {"SAMVAD_PORT": str(free_port()), "SAMVAD_ADMIN_PORT": str(free_port()), "SAMVAD_DRAIN_SECONDS": "2"}
    with program(*command, environ=ports, log=folder / "cluster.log", **PATIENCE) as running:
        children = [child.pid for child in psutil.Process(running.process.pid).children()]
        assert len(children) == 3
        yield running, children


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_a_cluster_with_all_its_processes_and_leaves_servers_that_ran_before(
    stack: RunningStack, tmp_path: Path, number: signal.Signals
) -> None:
    with _small_cluster(stack, tmp_path) as (running, children):
        assert "practice" in running.said["model"]
        running.process.send_signal(number)
        assert running.process.wait(30) == 0
        assert all(map(is_gone, children))
    assert "no key was set, so the practice provider" in (tmp_path / "cluster.log").read_text()
    assert stack.server("kafka-1").is_ready()


def test_a_killed_cluster_leaves_none_of_its_processes(stack: RunningStack, tmp_path: Path) -> None:
    with _small_cluster(stack, tmp_path) as (running, children):
        running.kill()
        assert all(is_gone(child, seconds=30) for child in children)
