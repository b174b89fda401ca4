"""Other processes on the same data folder: each prints a line for each thing it did, until it is done or killed.

`python -m tests.flow.sqlite_processes <what> <folder>`
"""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from store.rows import TurnRow
from store.sqlite.folder_lock import embedded_lock
from store.sqlite.opening import open_store

ROOT = Path(__file__).parents[2]
FILE = "samvad.db"
COUNTED = TurnRow(turn_id="counted", user_id="u", conversation_id="c", version=1)
STEPS = 100


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


async def journal_without_end(folder: Path) -> None:
    """Prints each turn's id as soon as `record` returned."""
    async with open_store(folder / FILE) as store:
        for n in itertools.count():
            await store.journal.record(f"turn-{n}", "u/c", b"v" * 3000, [("ce_id", b"turn")])
            say(f"turn-{n}")


async def count(folder: Path) -> None:
    """Raises the counted turn's `releases` STEPS times, by compare-and-set."""
    async with open_store(folder / FILE) as store:
        say("open")
        seen = await store.turns.load(COUNTED.turn_id) or COUNTED
        for _ in range(STEPS):
            while True:
                step = msgspec.structs.replace(seen, version=seen.version + 1, releases=seen.releases + 1)
                stored = await store.turns.compare_and_set(step, seen.version)
                seen = stored or step
                if stored is None:
                    break
    say("done")


async def hold_lock(folder: Path) -> None:
    """Holds the folder until standard input ends."""
    with embedded_lock(folder):
        say("held")
        await asyncio.to_thread(sys.stdin.read)


@asynccontextmanager
async def process(what: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """One of the above in a process of its own, killed (SIGKILL) at the block's end."""
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, what, str(folder), cwd=ROOT, stdin=pipe, stdout=pipe
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def line_of(running: asyncio.subprocess.Process) -> str:
    """The next line that the process prints, "" at its end."""
    assert running.stdout is not None
    return (await running.stdout.readline()).decode().strip()


if __name__ == "__main__":
    asyncio.run({"journal": journal_without_end, "count": count, "lock": hold_lock}[sys.argv[1]](Path(sys.argv[2])))
