"""The native stack itself, on servers of its own: what comes up, stays up, is killed, and goes down."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.stack import PortInUse, Ports, StackOptions, down, server, status, up
from tests.connected.own_stack import OwnStack, make_topic, own_stack, processes_of, topics

pytestmark = [pytest.mark.connected, pytest.mark.timeout(180)]

READY_SECONDS = 90


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnStack]:
    """A broker, a node and Jaeger."""
    with own_stack(StackOptions(tmp_path_factory.mktemp("own-stack"), ports=Ports.free())) as stack:
        yield stack


def test_a_fresh_stack_is_ready_within_90_seconds(own: OwnStack) -> None:
    assert own.seconds < READY_SECONDS
    assert own.states() == {"kafka-1": "ready", "cassandra-1": "ready", "jaeger": "ready"}


def test_up_again_leaves_every_server_alone(own: OwnStack) -> None:
    before = own.pids()
    assert [line.split(" on ")[0] for line in own.up_again()] == [f"{name} runs already" for name in sorted(before)]
    assert own.pids() == before


async def test_a_killed_server_comes_back_with_its_data_and_the_others_stay(own: OwnStack) -> None:
    kafka = own.addresses.kafka_address()
    await make_topic(kafka, "kept")
    before = own.pids()
    server(own.options.folder, "kafka-1").kill()
    assert own.states() == {"kafka-1": "down", "cassandra-1": "ready", "jaeger": "ready"}
    own.up_again()
    after = own.pids()
    assert {name for name in after if after[name] != before[name]} == {"kafka-1"}
    assert "kept" in await topics(kafka)


def test_a_suspended_server_is_shown_as_such_and_goes_on_where_it_was(own: OwnStack) -> None:
    cassandra = server(own.options.folder, "cassandra-1")
    cassandra.suspend()
    try:
        assert own.states()["cassandra-1"] == "suspended"
        assert not cassandra.is_ready()
    finally:
        cassandra.resume()
    cassandra.start()
    assert own.states()["cassandra-1"] == "ready"


def test_a_port_in_use_is_named_and_nothing_is_started(own: OwnStack, tmp_path: Path) -> None:
    taken = own.options.ports.kafka
    with pytest.raises(PortInUse, match=rf"port {taken} of 127.0.0.1, which kafka-1 needs, is in use.*--ports free"):
        up(StackOptions(tmp_path, ports=Ports.parsed(f"kafka={taken}")), print)
    assert processes_of(tmp_path) == []
    assert status(tmp_path) == []


def test_what_goes_down_leaves_its_data_but_no_process(tmp_path: Path) -> None:
    options = StackOptions(tmp_path / "small", cassandra_nodes=0, ports=Ports.free())
    with own_stack(options) as stack:
        assert len(processes_of(options.folder)) == 2
        down(options.folder, print)
        assert processes_of(options.folder) == []
        assert stack.states() == {"kafka-1": "down", "jaeger": "down"}
        assert (options.folder / "kafka-1" / "data" / "meta.properties").exists()
    assert not options.folder.exists()
