"""The machine and the versions that a result belongs to; nothing that names it to others."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("litellm", "aiokafka", "confluent-kafka", "uvicorn", "websockets", "aiohttp", "msgspec", "uvloop")


@dataclass(frozen=True, slots=True)
class Machine:
    """`cores` are those this process may use."""

    cores: int
    processor: str
    system: str
    python: str
    packages: dict[str, str]

    def __str__(self) -> str:
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return f"{self.cores} cores ({self.processor}), {self.system}, Python {self.python}; {packages}"


def this_machine() -> Machine:
    """The machine that this process runs on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    packages = {name: number for name in PACKAGES if (number := _version(name))}
    return Machine(cores, _processor(), platform.system(), platform.python_version(), packages)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
