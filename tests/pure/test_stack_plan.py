"""The native stack's plan: what is started with which configuration, from options alone."""

import json
import re
from dataclasses import astuple
from pathlib import Path

import pytest

from infra.stack import Ports, StackError, StackOptions, up
from infra.stack.addresses import stack_addresses
from infra.stack.all_servers import servers_of
from infra.stack.cassandra_plan import cassandra_yaml
from infra.stack.jaeger_plan import jaeger_yaml
from infra.stack.kafka_plan import server_properties
from infra.stack.layout import remember, remembered
from infra.stack.plan import Built, ServerPlan
from infra.stack.secret_files import Secrets
from infra.stack.tools import java_version
from infra.stack.versions import JAEGER
from schemas.topics import MAX_RECORD_BYTES

STACK = Path(__file__).parents[2] / "infra" / "stack"
FOLDER = Path("/stack")
BUILT = Built("java", Path("/kafka"), Path("/cassandra"), Path("/jaeger"))
SECRETS = Secrets(FOLDER / "secrets", "stores-secret", "kafka-secret", "cassandra-secret")
THREE = StackOptions(FOLDER, brokers=3, cassandra_nodes=3, secure=True)


def _plans(options: StackOptions) -> dict[str, ServerPlan]:
    secrets = SECRETS if options.secure else None
    return {server.name: server.plan for server in servers_of(options, BUILT, secrets)}


def _properties(number: int, options: StackOptions, secrets: Secrets | None = None) -> dict[str, str]:
    lines = server_properties(number, options, secrets).splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _yaml(number: int, options: StackOptions, secrets: Secrets | None = None) -> dict[str, str]:
    """The top level of a node's configuration, as written."""
    return dict(re.findall(r"^(\w+): (.+)$", cassandra_yaml(number, options, secrets), re.MULTILINE))


def test_a_stack_is_a_broker_a_node_and_jaeger_unless_more_or_less_is_wanted() -> None:
    assert list(_plans(StackOptions(FOLDER))) == ["kafka-1", "cassandra-1", "jaeger"]
    assert list(_plans(StackOptions(FOLDER, cassandra_nodes=0, with_jaeger=False))) == ["kafka-1"]
    three = ["kafka-1", "kafka-2", "kafka-3", "cassandra-1", "cassandra-2", "cassandra-3", "jaeger"]
    assert list(_plans(THREE)) == three


@pytest.mark.parametrize(("brokers", "nodes"), [(2, 1), (0, 1), (1, 2), (1, 4)])
def test_other_numbers_of_servers_are_refused(brokers: int, nodes: int) -> None:
    with pytest.raises(ValueError, match=r"a stack has 1 or 3 brokers"):
        StackOptions(FOLDER, brokers, nodes)


def test_no_two_servers_want_the_same_place() -> None:
    places = [(plan.host, port) for plan in _plans(THREE).values() for port in (plan.port, *plan.other_ports)]
    assert len(places) == len(set(places)) == 3 * 3 + 3 * 2 + 2


def test_three_brokers_are_one_quorum_and_lose_nothing_with_any_one_of_them() -> None:
    voters = {_properties(number, THREE)["controller.quorum.voters"] for number in (1, 2, 3)}
    assert voters == {"1@127.0.0.1:29092,2@127.0.0.2:29092,3@127.0.0.3:29092"}
    broker = _properties(2, THREE)
    assert broker["node.id"] == "2"
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        assert broker[f"{topic}.replication.factor"] == "3"
    assert broker["min.insync.replicas"] == broker["transaction.state.log.min.isr"] == "2"
    assert broker["unclean.leader.election.enable"] == "false"


def test_a_lone_broker_makes_no_topic_by_mistake_and_takes_the_largest_record() -> None:
    broker = _properties(1, StackOptions(FOLDER))
    assert broker["auto.create.topics.enable"] == "false"
    assert broker["min.insync.replicas"] == broker["offsets.topic.replication.factor"] == "1"
    assert int(broker["message.max.bytes"]) >= 2 * MAX_RECORD_BYTES  # what a producer may send at once


def test_three_nodes_share_the_ring_evenly_and_may_start_at_the_same_time() -> None:
    tokens = sorted(int(json.loads(_yaml(number, THREE)["initial_token"])) for number in (1, 2, 3))
    assert tokens[1] - tokens[0] == tokens[2] - tokens[1] == 2**64 // 3
    node = _yaml(3, THREE)
    assert node["auto_bootstrap"] == "false"
    assert "127.0.0.1:7000,127.0.0.2:7000,127.0.0.3:7000" in node["seed_provider"]


def test_cassandra_keeps_what_it_acknowledged_and_compares_and_sets_by_the_new_paxos() -> None:
    node = _yaml(1, StackOptions(FOLDER))
    assert (node["commitlog_sync"], node["paxos_variant"]) == ("batch", "v2")
    assert node["materialized_views_enabled"] == "false"


def test_jaeger_listens_only_where_samvad_uses_it() -> None:
    used = re.findall(r"127\.0\.0\.1:(\d+)", jaeger_yaml(StackOptions(FOLDER)))
    assert sorted(used) == ["0", "16686", "4318"]
    assert "0.0.0.0" not in jaeger_yaml(StackOptions(FOLDER))


def test_no_secret_is_on_a_command_line() -> None:
    for plan in _plans(THREE).values():
        commands = [*plan.command, *(plan.preparation.command if plan.preparation else ())]
        assert not [word for word in commands if "-secret" in word]


def test_a_secure_stack_lets_nobody_in_without_tls_and_a_password_and_an_open_one_says_so() -> None:
    broker, node = _properties(1, THREE, SECRETS), _yaml(1, THREE, SECRETS)
    assert broker["listener.security.protocol.map"] == "CLIENT:SASL_SSL,BROKER:SSL,CONTROLLER:SSL"
    assert broker["listener.name.broker.ssl.client.auth"] == broker["listener.name.controller.ssl.client.auth"]
    assert broker["listener.name.broker.ssl.client.auth"] == "required"
    assert json.loads(node["authenticator"]) == "PasswordAuthenticator"
    client = json.loads(node["client_encryption_options"])
    assert (client["enabled"], client["optional"]) == (True, False)
    assert json.loads(node["server_encryption_options"])["internode_encryption"] == "all"
    assert "authenticator" not in _yaml(1, StackOptions(FOLDER))


def test_the_settings_for_samvads_processes_name_every_server_and_how_to_sign_in() -> None:
    addresses = stack_addresses(THREE, SECRETS)
    environ = addresses.environ()
    assert environ["SAMVAD_KAFKA"] == "127.0.0.1:9092,127.0.0.2:9092,127.0.0.3:9092"
    assert environ["SAMVAD_CASSANDRA"] == "127.0.0.1:9042,127.0.0.2:9042,127.0.0.3:9042"
    assert environ["SAMVAD_KAFKA_PASSWORD"] == "kafka-secret"
    assert environ["SAMVAD_CASSANDRA_PASSWORD"] == "cassandra-secret"
    assert "-secret" not in repr(addresses)
    assert set(stack_addresses(StackOptions(FOLDER, with_jaeger=False), None).environ()) == {
        "SAMVAD_KAFKA",
        "SAMVAD_CASSANDRA",
    }


def test_ports_are_the_usual_ones_moved_ones_named_ones_or_free_ones() -> None:
    assert Ports.parsed("+100").kafka == 9192
    assert Ports.parsed("kafka=1234,otlp=4321") == Ports(kafka=1234, otlp=4321)
    assert len(set(astuple(Ports.parsed("free")))) == len(astuple(Ports()))
    with pytest.raises(ValueError, match=r"'kafak=1' names no ports: free, \+100, or name=port"):
        Ports.parsed("kafak=1")


def test_a_folder_remembers_its_options_and_refuses_others(tmp_path: Path) -> None:
    options = StackOptions(tmp_path, ports=Ports(kafka=1234))
    remember(options)
    assert remembered(tmp_path) == options
    with pytest.raises(StackError, match=r"holds a stack with other options .*Kafka on 1234.*down --wipe"):
        up(StackOptions(tmp_path, brokers=3), print)
    (tmp_path / "stack.json").write_text('{"brokers": 1}')
    with pytest.raises(StackError, match=r"is not of this version"):
        remembered(tmp_path)


def test_the_version_of_java_is_read_in_its_old_and_new_form() -> None:
    assert java_version('openjdk version "17.0.15" 2025-04-15') == 17
    assert java_version('java version "1.8.0_402"') == 8
    assert java_version("nonsense") is None


def test_versions_are_pinned_in_one_place() -> None:
    go_mod = (STACK / "jaeger" / "go.mod").read_text()
    assert f"github.com/jaegertracing/jaeger v{JAEGER}" in go_mod
    for program in ("kafka", "cassandra"):
        dependencies = (STACK / program / "pom.xml").read_text().partition("<dependencies>")[2]
        assert re.findall(r"<version>(?!\$\{)", dependencies) == []
