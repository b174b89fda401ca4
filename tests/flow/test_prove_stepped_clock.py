"""A process under proof whose wall clock jumps, and nothing else of it does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

TELLING = """
import sys, time
print(sys.argv[1], flush=True)
for line in sys.stdin:
    print(time.time(), time.time_ns() / 1e9, time.monotonic(), flush=True)
"""
HOUR = 3600


class Teller:
    """The module above, run through the clock."""

    def __init__(self, folder: Path) -> None:
        (folder / "telling.py").write_text(TELLING)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "infra.prove.stepped_clock", "telling", "an argument"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])},
        )
        self.first_line = self._line()

    def hours_off(self) -> tuple[int, int, int]:
        """Of `time.time`, `time.time_ns` and the monotonic clock."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        said = [float(word) for word in self._line().split()]
        now = (time.time(), time.time(), time.monotonic())
        first, second, third = (round((told - real) / HOUR) for told, real in zip(said, now, strict=True))
        return first, second, third

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


def test_the_wall_clock_goes_an_hour_on_and_back_by_signal(tmp_path: Path) -> None:
    teller = Teller(tmp_path)
    with teller.process:
        assert teller.first_line == "an argument"
        assert teller.hours_off() == (0, 0, 0)
        teller.process.send_signal(signal.SIGUSR1)
        assert teller.hours_off() == (1, 1, 0)
        teller.process.send_signal(signal.SIGUSR2)
        assert teller.hours_off() == (0, 0, 0)
        teller.process.send_signal(signal.SIGUSR2)
        assert teller.hours_off() == (-1, -1, 0)
        teller.process.kill()
