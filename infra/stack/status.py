"""How a stack is: each of its servers, asked now."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra.stack.all_servers import servers_in
from infra.stack.processes import RunningProcess
from infra.stack.servers import StackServer


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One line of `samvad stack status`."""

    name: str
    state: str
    """ready, not answering, suspended or down."""
    pid: int | None
    address: str
    memory_bytes: int
    folder: Path


def status(folder: Path) -> list[ServerStatus]:
    """Every server of the folder's stack; empty where there is none."""
    servers = servers_in(folder)
    with ThreadPoolExecutor(max_workers=max(1, len(servers))) as threads:
        return list(threads.map(_status, servers))


def _status(one: StackServer) -> ServerStatus:
    process = one.process
    return ServerStatus(
        name=one.name,
        state=_state(one, process),
        pid=process.pid if process else None,
        address=one.plan.address,
        memory_bytes=process.memory_bytes() if process else 0,
        folder=one.layout.server(one.name),
    )


def _state(one: StackServer, process: RunningProcess | None) -> str:
    if process is None:
        return "down"
    if process.is_suspended():
        return "suspended"
    return "ready" if one.is_ready() else "not answering"
