"""Kafka's brokers as the native stack runs them: KRaft, each process broker and controller."""

from pathlib import Path

from infra.stack.layout import Layout
from infra.stack.options import StackOptions, loopback
from infra.stack.plan import Built, Kind, Preparation, ServerPlan
from infra.stack.secret_files import USER, Secrets

_TEMPLATES = Path(__file__).parent / "kafka"
_CLUSTER_ID = "c2FtdmFkLXN0YWNrLTAwMQ"
"""The URL-safe base64 of 16 bytes, as StorageTool wants it."""
_HEAP_MIB = {1: 512, 3: 384}
_SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
MECHANISM = "SCRAM-SHA-512"


def kafka_plans(options: StackOptions, built: Built, secrets: Secrets | None) -> list[ServerPlan]:
    """One plan for each broker."""
    return [_broker(number, options, built, secrets) for number in range(1, options.brokers + 1)]


def _broker(number: int, options: StackOptions, built: Built, secrets: Secrets | None) -> ServerPlan:
    name, ports, layout = f"kafka-{number}", options.ports, Layout(options.folder)
    properties, formatting = (layout.server(name) / file for file in ("server.properties", "format.arguments"))
    class_path = ("-cp", f"{built.kafka}/*")
    return ServerPlan(
        name=name,
        kind=Kind.KAFKA,
        host=loopback(number),
        port=ports.kafka,
        other_ports=(ports.kafka_brokers, ports.kafka_controllers),
        command=(built.java, *_java_options(options.brokers), *class_path, "kafka.Kafka", str(properties)),
        files={
            properties: server_properties(number, options, secrets),
            formatting: _as_file((*_SHORT_LIVED, *class_path, *_format(properties, secrets))),
        },
        preparation=Preparation((built.java, f"@{formatting}"), made=layout.data(name) / "meta.properties"),
    )


def _format(properties: Path, secrets: Secrets | None) -> tuple[str, ...]:
    command = ("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties))
    if secrets is None:
        return command
    return (*command, "--add-scram", f"{MECHANISM}=[name={USER},password={secrets.kafka_password}]")


def _as_file(arguments: tuple[str, ...]) -> str:
    """For `java @file`: a password among the arguments is on no command line."""
    quoted = (argument.replace("\\", "\\\\").replace('"', '\\"') for argument in arguments)
    return "\n".join(f'"{argument}"' for argument in quoted)


def _java_options(brokers: int) -> tuple[str, ...]:
    return (
        f"-Xmx{_HEAP_MIB[brokers]}m",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=20",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={_TEMPLATES / 'log4j2.xml'}",
    )


def server_properties(number: int, options: StackOptions, secrets: Secrets | None = None) -> str:
    """The broker's whole configuration: the common part, then its own."""
    security = _PLAIN if secrets is None else _security(secrets)
    own = {**_identity(number, options), **_replication(options.brokers), **security}
    lines = [f"{key}={value}" for key, value in own.items()]
    return "\n".join([(_TEMPLATES / "server.properties").read_text(), *lines, ""])


def _identity(number: int, options: StackOptions) -> dict[str, str]:
    ports, host = options.ports, loopback(number)
    clients = {"CLIENT": ports.kafka, "BROKER": ports.kafka_brokers}
    listeners = [f"{name}://{host}:{port}" for name, port in clients.items()]
    return {
        "node.id": str(number),
        "log.dirs": str(Layout(options.folder).data(f"kafka-{number}")),
        "listeners": ",".join([*listeners, f"CONTROLLER://{host}:{ports.kafka_controllers}"]),
        "advertised.listeners": ",".join(listeners),
        "controller.quorum.voters": ",".join(
            f"{voter}@{loopback(voter)}:{ports.kafka_controllers}" for voter in range(1, options.brokers + 1)
        ),
    }


def _replication(brokers: int) -> dict[str, str]:
    copies, at_least = (str(brokers), str(brokers // 2 + 1))
    return {
        "default.replication.factor": copies,
        "min.insync.replicas": at_least,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": at_least,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": at_least,
    }


_PLAIN = {"listener.security.protocol.map": "CLIENT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT"}


def _security(secrets: Secrets) -> dict[str, str]:
    """Clients sign in with a password, brokers and controllers to each other with their certificate."""
    scram = f"listener.name.client.{MECHANISM.lower()}.sasl.jaas.config"
    return {
        "listener.security.protocol.map": "CLIENT:SASL_SSL,BROKER:SSL,CONTROLLER:SSL",
        "sasl.enabled.mechanisms": MECHANISM,
        scram: "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.location": str(secrets.keystore),
        "ssl.keystore.password": secrets.stores_password,
        "ssl.truststore.type": "PKCS12",
        "ssl.truststore.location": str(secrets.truststore),
        "ssl.truststore.password": secrets.stores_password,
        "listener.name.broker.ssl.client.auth": "required",
        "listener.name.controller.ssl.client.auth": "required",
    }
