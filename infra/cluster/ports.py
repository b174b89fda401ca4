"""A port that is taken, or none at all, is named before anything starts."""

from infra.cluster.plan import ClusterOptions
from infra.refused import Refused
from infra.stack.options import is_free

HOST = "127.0.0.1"


PORTS = range(1, 65536)
"""Not 0: an edge that is started again must be where it was."""


class NoSuchPort(Refused):
    """A process of the cluster would listen on a port that there is not."""


class PortTaken(Refused):
    """Somebody else listens where a process of the cluster should."""


def refuse_taken_ports(options: ClusterOptions) -> None:
    """Raises PortTaken, naming each, or NoSuchPort."""
    _refuse_impossible(options.edge_ports, "--port or SAMVAD_PORT")
    _refuse_impossible(options.admin_ports, "SAMVAD_ADMIN_PORT")
    edges = _taken(options.edge_ports)
    if edges:
        raise PortTaken(f"{edges} in use. End what listens there, or choose others: --port {options.port + 100}")
    if admin := _taken(options.admin_ports):
        raise PortTaken(
            f"{admin} in use (metrics). End what listens there, or choose others: "
            f"SAMVAD_ADMIN_PORT={options.admin_port + 100}"
        )


def _refuse_impossible(ports: dict[str, int], setting: str) -> None:
    first, last = min(ports.values()), max(ports.values())
    if first not in PORTS or last not in PORTS:
        raise NoSuchPort(
            f"ports {first} to {last} can't all be listened on: "
            f"choose the first, from {PORTS[0]} to {PORTS[-1] - (last - first)}, with {setting}"
        )


def _taken(ports: dict[str, int]) -> str:
    taken = [str(port) for port in ports.values() if not is_free(HOST, port)]
    return f"port {', '.join(taken)} is" if len(taken) == 1 else f"ports {', '.join(taken)} are" if taken else ""
