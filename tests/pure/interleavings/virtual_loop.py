"""An event loop without I/O and without a clock: what is ready runs, in asyncio's own order; time moves when told.

Each worker's coroutines carry their owner in their context. What a frozen owner would run is kept until it goes on;
what a dead one would run is dropped.
"""

import asyncio
import heapq
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from typing import Any, Protocol


class Owner(Protocol):
    """Whose coroutines may be held up."""

    is_frozen: bool
    is_dead: bool
    held_up: list[asyncio.Handle]


OWNER: ContextVar[Any] = ContextVar("owner", default=None)


class VirtualLoop(asyncio.BaseEventLoop):
    """`run_ready` runs until everything waits for something; `pass_time` fires the timers of the time that passes."""

    _ready: Any
    _scheduled: Any

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.troubles: list[str] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self.set_task_factory(self._new_task)

    def time(self) -> float:
        return self.now

    def _write_to_self(self) -> None:
        """There is no other thread and nothing to wake."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.troubles.append(f"{context.get('message')}: {context.get('exception')!r}")

    def spawn(self, owner: Owner | None, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """A task that belongs to `owner`, like all that it begins."""
        context = copy_context()
        context.run(OWNER.set, owner)
        return self.create_task(work, context=context)

    def run_ready(self) -> None:
        while self._ready:
            handle = self._ready.popleft()
            owner = handle._context.get(OWNER)
            if handle._cancelled or (owner is not None and owner.is_dead):
                continue
            if owner is not None and owner.is_frozen:
                owner.held_up.append(handle)
            else:
                handle._run()

    def thaw(self, owner: Owner) -> None:
        self._ready.extend(owner.held_up)
        owner.held_up.clear()

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        while self._scheduled and self._scheduled[0]._when <= self.now:
            handle = heapq.heappop(self._scheduled)
            handle._scheduled = False
            if not handle._cancelled:
                self._ready.append(handle)

    def end(self) -> None:
        """Cancels what is left, so that nothing is reported about tasks that were never awaited."""
        for _ in range(20):
            left = [task for task in self._tasks if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            while self._ready:
                self._ready.popleft()._run()
        self._scheduled.clear()
        self.close()

    def _new_task(self, loop: Any, work: Any, **more: Any) -> "asyncio.Task[Any]":
        """Kept until the end: a dead worker's tasks are nobody else's to keep."""
        task = asyncio.Task(work, loop=loop, **more)
        self._tasks.append(task)
        return task
