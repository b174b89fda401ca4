"""Work that a session started and that nobody awaits: bounded per session, in order where it must be, never silent.

In: something to do, for whom, and behind what it queues. Out: True, or False if this session has too much under way.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from functools import partial

import structlog

log = structlog.get_logger(__name__)

Work = Callable[[], Awaitable[None]]


class Errands:
    """Tasks in the background. They outlive the session that began them, unless `cancel_of` ends them."""

    def __init__(self, max_per_owner: int) -> None:
        self._max_per_owner = max_per_owner
        self._tasks: dict[asyncio.Task[None], Hashable] = {}
        self._counts: Counter[Hashable] = Counter()
        self._last: dict[Hashable, asyncio.Task[None]] = {}

    def start(self, owner: Hashable, line: Hashable, work: Work, broken: Callable[[], None]) -> bool:
        """Begins `work`, behind all earlier work of the same `line`. `broken` tells the owner about a bug."""
        if self._counts[owner] >= self._max_per_owner:
            return False
        task = asyncio.create_task(_run(self._last.get(line), work, broken))
        self._last[line] = task
        self._tasks[task] = owner
        self._counts[owner] += 1
        task.add_done_callback(partial(self._done, line))
        return True

    def is_under_way(self, line: Hashable) -> bool:
        return line in self._last

    async def until_done(self, line: Hashable) -> None:
        """Returns once all that is under way in this line so far is done."""
        if (last := self._last.get(line)) is not None:
            await asyncio.wait([last])

    def cancel_of(self, owner: Hashable) -> None:
        """Ends what this owner has under way."""
        for task in [task for task, other in self._tasks.items() if other is owner]:
            task.cancel()

    async def finish(self, within_seconds: float) -> None:
        """Waits for what is under way, and cancels the rest."""
        if not self._tasks:
            return
        _, unfinished = await asyncio.wait(self._tasks, timeout=within_seconds)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    def _done(self, line: Hashable, task: asyncio.Task[None]) -> None:
        owner = self._tasks.pop(task)
        self._counts[owner] -= 1
        if not self._counts[owner]:
            del self._counts[owner]
        if self._last.get(line) is task:
            del self._last[line]


async def _run(before: asyncio.Task[None] | None, work: Work, broken: Callable[[], None]) -> None:
    if before is not None:
        await asyncio.wait([before])
    try:
        await work()
    except Exception:  # the edge of a piece of work: one session's bug is no other's
        log.exception("errand_broke")
        broken()
