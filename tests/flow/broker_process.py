"""An embedded broker in a process of its own, so that a test can freeze, thaw and kill it.

`freeze` stops the process (SIGSTOP): connections stay open and nothing is answered, as with a hung machine.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAM = """
import sys
from infra.embedded_broker import embedded_broker
with embedded_broker() as address:
    print(address, flush=True)
    sys.stdin.read()
"""


class BrokerProcess:
    """A running broker process."""

    def __init__(self, process: "subprocess.Popen[str]", address: str) -> None:
        self._process = process
        self.address = address

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)


@contextmanager
def broker_process() -> Iterator[BrokerProcess]:
    """Starting takes about 0.2 s."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    try:
        yield BrokerProcess(process, process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()
