"""Every server of a stack, from its options; for a folder, from the options that it remembers."""

from pathlib import Path

from infra.stack.cassandra_plan import cassandra_plans
from infra.stack.errors import StackError
from infra.stack.jaeger_plan import jaeger_plan
from infra.stack.kafka_plan import kafka_plans
from infra.stack.layout import Layout, remembered
from infra.stack.options import StackOptions
from infra.stack.plan import Built, Kind, ServerPlan
from infra.stack.programs import places
from infra.stack.secret_files import Secrets, read_secrets
from infra.stack.servers import StackServer


def servers_of(options: StackOptions, built: Built, secrets: Secrets | None) -> list[StackServer]:
    """Brokers, then nodes, then Jaeger."""
    layout = Layout(options.folder)
    return [StackServer(plan, layout, _trusted(plan, secrets)) for plan in _plans(options, built, secrets)]


def servers_in(folder: Path) -> list[StackServer]:
    """The servers of the stack that was brought up here, running or not; none where no stack was."""
    options = remembered(folder.absolute())
    return servers_of(options, places(), secrets_of(options)) if options else []


def server(folder: Path, name: str) -> StackServer:
    """One server of the folder's stack: kafka-1, cassandra-1, jaeger, ... Raises StackError."""
    servers = servers_in(folder)
    for one in servers:
        if one.name == name:
            return one
    there = ", ".join(one.name for one in servers) or "none"
    raise StackError(f"no server {name} in {folder}; there: {there}")


def secrets_of(options: StackOptions) -> Secrets | None:
    """What a secure stack made when it was first brought up."""
    return read_secrets(Layout(options.folder).secrets) if options.secure else None


def _plans(options: StackOptions, built: Built, secrets: Secrets | None) -> list[ServerPlan]:
    plans = [*kafka_plans(options, built, secrets), *cassandra_plans(options, built, secrets)]
    return [*plans, jaeger_plan(options, built)] if options.with_jaeger else plans


def _trusted(plan: ServerPlan, secrets: Secrets | None) -> Path | None:
    return secrets.ca_file if secrets and plan.kind is not Kind.JAEGER else None
