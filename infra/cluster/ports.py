"""A taken port is named before anything starts."""

from infra.cluster.plan import ClusterOptions
from infra.refused import Refused
from infra.stack.options import is_free

HOST = "127.0.0.1"


class PortTaken(Refused):
    """Somebody else listens where a process of the cluster should."""


def refuse_taken_ports(options: ClusterOptions) -> None:
    """Raises PortTaken, naming each."""
    edges = _taken(options.edge_ports)
    if edges:
        raise PortTaken(f"{edges} in use. End what listens there, or choose others: --port {options.port + 100}")
    if admin := _taken(options.admin_ports):
        raise PortTaken(
            f"{admin} in use (metrics). End what listens there, or choose others: "
            f"SAMVAD_ADMIN_PORT={options.admin_port + 100}"
        )


def _taken(ports: dict[str, int]) -> str:
    taken = [str(port) for port in ports.values() if not is_free(HOST, port)]
    return f"port {', '.join(taken)} is" if len(taken) == 1 else f"ports {', '.join(taken)} are" if taken else ""
