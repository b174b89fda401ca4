"""Cassandra's nodes as the native stack runs them."""

import json
from pathlib import Path
from typing import Any

from infra.stack.layout import Layout
from infra.stack.options import StackOptions, loopback
from infra.stack.plan import Built, Kind, ServerPlan
from infra.stack.secret_files import Secrets
from infra.stack.versions import JAMM

_TEMPLATES = Path(__file__).parent / "cassandra"
_HEAP_MIB = {1: 1024, 3: 640}

_EXPORTED = (
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
)
_OPENED = (
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.management/com.sun.management.internal",
)
"""What Cassandra's own start script opens of Java's internals."""

_FAST_START = (
    "-Dcassandra.ring_delay_ms=100",
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.superuser_setup_delay_ms=0",
)
"""Ready in 6-12 s instead of a minute: these waits are for clusters whose nodes are strangers."""


def cassandra_plans(options: StackOptions, built: Built, secrets: Secrets | None) -> list[ServerPlan]:
    """One plan for each node."""
    return [_node(number, options, built, secrets) for number in range(1, options.cassandra_nodes + 1)]


def _node(number: int, options: StackOptions, built: Built, secrets: Secrets | None) -> ServerPlan:
    name, layout = f"cassandra-{number}", Layout(options.folder)
    configuration = layout.server(name) / "cassandra.yaml"
    return ServerPlan(
        name=name,
        kind=Kind.CASSANDRA,
        host=loopback(number),
        port=options.ports.cassandra,
        other_ports=(options.ports.cassandra_nodes,),
        command=(
            built.java,
            *_java_options(options.cassandra_nodes, built),
            f"-Dcassandra.config={configuration.as_uri()}",
            f"-Dcassandra.storagedir={layout.data(name)}",
            "-cp",
            f"{built.cassandra}/*",
            "org.apache.cassandra.service.CassandraDaemon",
        ),
        files={configuration: cassandra_yaml(number, options, secrets)},
    )


def _java_options(nodes: int, built: Built) -> tuple[str, ...]:
    heap = _HEAP_MIB[nodes]
    return (
        f"-Xms{heap}m",
        f"-Xmx{heap}m",
        "-XX:+UseG1GC",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:+PerfDisableSharedMem",
        *(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTED),
        *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED),
        f"-javaagent:{built.cassandra / f'jamm-{JAMM}.jar'}",
        f"-Dlogback.configurationFile={_TEMPLATES / 'logback.xml'}",
        "-Dcassandra-foreground=yes",
        "-Djdk.attach.allowAttachSelf=true",
        *_FAST_START,
    )


def cassandra_yaml(number: int, options: StackOptions, secrets: Secrets | None = None) -> str:
    """The node's whole configuration: the common part, and its own."""
    own = {**_addresses(number, options), **_folders(number, options), **(_security(secrets) if secrets else {})}
    lines = [f"{key}: {json.dumps(value)}" for key, value in own.items()]
    return "\n".join([(_TEMPLATES / "cassandra.yaml").read_text(), *lines, ""])


def _addresses(number: int, options: StackOptions) -> dict[str, Any]:
    ports, nodes = options.ports, range(1, options.cassandra_nodes + 1)
    seeds = ",".join(f"{loopback(node)}:{ports.cassandra_nodes}" for node in nodes)
    return {
        "listen_address": loopback(number),
        "rpc_address": loopback(number),
        "native_transport_port": ports.cassandra,
        "storage_port": ports.cassandra_nodes,
        "initial_token": str(_token(number, options.cassandra_nodes)),
        "seed_provider": [
            {"class_name": "org.apache.cassandra.locator.SimpleSeedProvider", "parameters": [{"seeds": seeds}]}
        ],
    }


def _token(number: int, nodes: int) -> int:
    """Even shares of Murmur3's ring, so that nodes which start at the same time don't choose the same one."""
    return -(2**63) + (number - 1) * (2**64 // nodes)


def _folders(number: int, options: StackOptions) -> dict[str, Any]:
    data = Layout(options.folder).data(f"cassandra-{number}")
    single = {f"{name}_directory": str(data / name) for name in ("commitlog", "hints", "saved_caches", "cdc_raw")}
    return {"data_file_directories": [str(data / "tables")], **single}


def _security(secrets: Secrets) -> dict[str, Any]:
    """Clients sign in with a password over TLS, nodes to each other with their certificate."""
    own = {"keystore": str(secrets.keystore), "keystore_password": secrets.stores_password, "store_type": "PKCS12"}
    trusted = {"truststore": str(secrets.truststore), "truststore_password": secrets.stores_password}
    nodes = {"internode_encryption": "all", "require_client_auth": True, "require_endpoint_verification": True}
    return {
        "authenticator": "PasswordAuthenticator",
        "authorizer": "CassandraAuthorizer",
        "client_encryption_options": {"enabled": True, "optional": False, **own},
        "server_encryption_options": {**nodes, **own, **trusted},
    }
