"""How long `samvad chat` takes from the command to its ready line, on a folder that has conversations already."""

import time
from pathlib import Path

from benchmarks.processes import SAMVAD, program


async def start_times_seconds(folder: Path, environ: dict[str, str], starts: int) -> list[float]:
    """One after the other; the model is the practice provider, so nothing is loaded but Samvad itself."""
    times = []
    for _ in range(starts):
        began = time.monotonic()
        async with program(SAMVAD, "chat", log=folder / "chat.log", environ=environ):
            times.append(round(time.monotonic() - began, 2))
    return times
