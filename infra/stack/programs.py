"""The servers' programs: fetched or built once, kept by version outside any checkout, used by every stack.

A program is made in a folder beside its place and renamed into it, under a lock: it is there whole or not at all, and
two commands at once make it once.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.stack import tools, versions
from infra.stack.errors import StackError
from infra.stack.plan import Built

_HERE = Path(__file__).parent
SAY_AGAIN_SECONDS = 20.0
Say = Callable[[str], None]


def cache_folder() -> Path:
    """Where programs of all versions are kept."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "samvad"


def programs(with_jaeger: bool, say: Say) -> Built:
    """Every program of a stack, made now if need be. Raises ToolMissing, and StackError when making one fails."""
    return Built(
        java=tools.java(),
        kafka=_kept(f"kafka-{versions.KAFKA}", _fetch_kafka, say),
        cassandra=_kept(f"cassandra-{versions.CASSANDRA}", _fetch_cassandra, say),
        jaeger=_kept(f"jaeger-{versions.JAEGER}", _build_jaeger, say) / "jaeger" if with_jaeger else Path(),
    )


def places() -> Built:
    """Where the programs are once they have been made; makes none."""
    kept = cache_folder()
    return Built(
        java=tools.path_of("java") or "java",
        kafka=kept / f"kafka-{versions.KAFKA}",
        cassandra=kept / f"cassandra-{versions.CASSANDRA}",
        jaeger=kept / f"jaeger-{versions.JAEGER}" / "jaeger",
    )


def _kept(name: str, make: Callable[[Path, Path, Say], None], say: Say) -> Path:
    place = cache_folder() / name
    if not place.exists():
        with locked(place.with_suffix(place.suffix + ".lock")):
            if not place.exists():
                _make(place, make, say)
    return place


def _make(place: Path, make: Callable[[Path, Path, Say], None], say: Say) -> None:
    log = place.with_suffix(place.suffix + ".log")
    making = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        make(making, log, say)
        os.rename(making, place)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _fetch_kafka(folder: Path, log: Path, say: Say) -> None:
    say(f"fetching Kafka {versions.KAFKA} with Maven (about 45 MB, once)")
    _fetch("kafka", versions.KAFKA, folder, log, say)


def _fetch_cassandra(folder: Path, log: Path, say: Say) -> None:
    say(f"fetching Cassandra {versions.CASSANDRA} with Maven (about 66 MB, once)")
    _fetch("cassandra", versions.CASSANDRA, folder, log, say)


def _fetch(what: str, version: str, folder: Path, log: Path, say: Say) -> None:
    settings = {
        "server.version": version,
        "scala.version": versions.KAFKA_SCALA,
        "log4j.version": versions.LOG4J,
        "outputDirectory": str(folder),
        "includeScope": "runtime",
    }
    given = [f"-D{name}={value}" for name, value in settings.items()]
    # Its output must go to a file: Maven fails when whoever reads it closes early.
    command = [tools.find("mvn"), "-B", "-f", str(_HERE / what / "pom.xml"), "dependency:copy-dependencies", *given]
    _run(command, _HERE, log, say)


def _build_jaeger(folder: Path, log: Path, say: Say) -> None:
    say(f"building Jaeger {versions.JAEGER} from its Go module: once, and it takes 3 to 8 minutes")
    target = ["-o", str(folder / "jaeger"), "github.com/jaegertracing/jaeger/cmd/jaeger"]
    _run([tools.find("go"), "build", "-trimpath", "-ldflags", "-s -w", *target], _HERE / "jaeger", log, say)


def _run(command: Sequence[str], folder: Path, log: Path, say: Say) -> None:
    """Waits for a long command, saying now and then that it goes on. Raises StackError when it fails."""
    began = time.monotonic()
    with log.open("w") as writing:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing)
        try:
            while (code := _code_after(process, SAY_AGAIN_SECONDS)) is None:
                say(f"still at it after {time.monotonic() - began:.0f} s; its output is in {log}")
        finally:
            process.kill()  # after Ctrl-C; a process that has ended is left alone
            process.wait()
    if code != 0:
        raise StackError(f"{Path(command[0]).name} failed ({_last_line(log)}); all of its output is in {log}")


def _code_after(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if "ERROR" in line] or lines[-1:]
    return telling[0][:300] if telling else "it said nothing"


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Holds a file's lock; waits for whoever holds it. The system drops it with the process."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
