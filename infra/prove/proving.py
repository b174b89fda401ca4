"""The proof itself: a run's history, judged.

In: options. Out: a verdict; the history stays in the run's folder and can be judged again.
"""

import asyncio
from pathlib import Path

from infra.cluster.keeping import Say
from infra.prove.checking import Verdict, check
from infra.prove.events import read_history
from infra.prove.options import ProofOptions
from infra.prove.running import AFTER_FILE, LIVE_FILE, run_history


def silent(_: str) -> None:
    """Says nothing."""


async def prove(options: ProofOptions, stop: asyncio.Event | None = None, say: Say = silent) -> Verdict:
    """Runs everything and judges it. `stop` ends the load early, and what there is is judged.

    Raises Refused when it can't be run or judged, StoppedBeforeReady when it is stopped before the load begins.
    """
    history = await run_history(options, stop or asyncio.Event(), say)
    say("judging ...")
    return await asyncio.to_thread(judge, history)


def judge(history: list[Path]) -> Verdict:
    """The verdict on files of events."""
    return check(read_history(history))


def history_in(folder: Path) -> list[Path]:
    """The files that a run left in its folder."""
    return [folder / LIVE_FILE, folder / AFTER_FILE]
