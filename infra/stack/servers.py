"""One server of a stack: started, asked, stopped, and for fault tests killed or suspended."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from infra.stack import processes
from infra.stack.errors import PortInUse, ServerFailed, StackError
from infra.stack.layout import Layout, write_private
from infra.stack.options import is_free
from infra.stack.plan import Kind, ServerPlan
from infra.stack.processes import RunningProcess, comes_true
from infra.stack.readiness import answers

READY_SECONDS = 120.0
STOP_SECONDS = {Kind.KAFKA: 15.0, Kind.CASSANDRA: 15.0, Kind.JAEGER: 5.0}
SUSPENSION_SECONDS = 5.0
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class StackServer:
    """A server by its plan; its process is looked up anew at each question."""

    plan: ServerPlan
    layout: Layout
    ca_file: Path | None
    """What its certificate is checked with; None when its clients speak no TLS."""

    @property
    def name(self) -> str:
        """kafka-1, cassandra-1, jaeger, ..."""
        return self.plan.name

    @property
    def process(self) -> RunningProcess | None:
        """Its process, if it runs or is suspended."""
        return processes.find(self.layout.pid_file(self.name))

    @property
    def pid(self) -> int | None:
        """Of its process, if it runs or is suspended."""
        process = self.process
        return process.pid if process else None

    def is_ready(self) -> bool:
        """Whether it answers its protocol now."""
        return self.process is not None and answers(self.plan, self.ca_file)

    def start(self, seconds: float = READY_SECONDS) -> None:
        """Starts it with its data, unless it runs, and waits until it is ready.

        Raises PortInUse, and ServerFailed when it ends or is not ready in time.
        """
        process = self.process or self._spawn()
        deadline = time.monotonic() + seconds
        while not answers(self.plan, self.ca_file):
            if not process.is_alive():
                raise ServerFailed(f"{self.name} ended while it started{self._why()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} did not answer within {seconds:.0f} s{self._why()}")
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for what has not ended after a grace."""
        process = self.process
        if process is None:
            return
        process.send(signal.SIGTERM)
        process.send(signal.SIGCONT)  # what is suspended hears no SIGTERM
        if not process.wait(STOP_SECONDS[self.plan.kind]):
            self.kill()

    def kill(self) -> None:
        """SIGKILL, and waits until it is gone."""
        process = self.process
        if process is not None:
            process.send(signal.SIGKILL)
            process.wait(STOP_SECONDS[self.plan.kind])

    def suspend(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing."""
        process = self._running()
        process.send(signal.SIGSTOP)
        if not comes_true(process.is_suspended, SUSPENSION_SECONDS):
            raise StackError(f"{self.name} was not suspended within {SUSPENSION_SECONDS:.0f} s")

    def resume(self) -> None:
        """SIGCONT."""
        self._running().send(signal.SIGCONT)

    def check_ports(self) -> None:
        """Raises PortInUse when a server that does not run could not listen."""
        if self.process is None:
            for port in (self.plan.port, *self.plan.other_ports):
                self._check_port(port)

    def _running(self) -> RunningProcess:
        process = self.process
        if process is None:
            raise StackError(f"{self.name} does not run")
        return process

    def _check_port(self, port: int) -> None:
        try:
            free = is_free(self.plan.host, port)
        except OSError as error:
            raise StackError(
                f"{self.name} needs the address {self.plan.host}, which this machine does not have ({error.strerror}); "
                f"on macOS: sudo ifconfig lo0 alias {self.plan.host}"
            ) from error
        if not free:
            raise PortInUse(
                f"port {port} of {self.plan.host}, which {self.name} needs, is in use{_by_whom(port)}. "
                "End what listens there, or choose other ports: samvad stack up --ports free (or --ports +100)"
            )

    def _spawn(self) -> RunningProcess:
        self.check_ports()
        self._write_files()
        self._prepare()
        pid_file, log = self.layout.pid_file(self.name), self.layout.log(self.name)
        return processes.spawn(self.plan.command, os.environ, log, pid_file)

    def _write_files(self) -> None:
        self.layout.data(self.name).mkdir(mode=0o700, parents=True, exist_ok=True)
        for file, text in self.plan.files.items():
            write_private(file, text)

    def _prepare(self) -> None:
        preparation = self.plan.preparation
        if preparation is None or preparation.made.exists():
            return
        with self.layout.log(self.name).open("a") as log:
            done = subprocess.run(
                preparation.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                timeout=READY_SECONDS,
            )
        if done.returncode != 0:
            raise ServerFailed(f"{self.name} could not be prepared{self._why()}")

    def _why(self) -> str:
        log = self.layout.log(self.name)
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        telling = [line for line in lines if "ERROR" in line or "FATAL" in line or "Exception" in line]
        return f": {telling[-1][:300]} (all of its log: {log})" if telling else f"; its log is {log}"


def _by_whom(port: int) -> str:
    try:
        listeners = [
            c.pid for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == port and c.status == "LISTEN"
        ]
        pid = next(pid for pid in listeners if pid)
        return f" by {psutil.Process(pid).name()} (process {pid})"
    except (psutil.Error, StopIteration):
        return ""
