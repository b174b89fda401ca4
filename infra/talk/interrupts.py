"""Ctrl-C, decided in one place: whoever is at work may take it first; otherwise it ends the program in an orderly way.

In: SIGINT on the event loop. Out: an action of the moment, or the cancelling of the main task (`is_leaving` tells it
apart from any other cancelling). Outside of the prompt keys are not echoed, or `^C` would tear the drawing apart.
"""

import asyncio
import contextlib
import signal
import sys
import termios
from collections.abc import Callable, Iterator


class Interrupts:
    """Use `installed()` around everything, and `first(action)` around work that can be stopped."""

    def __init__(self) -> None:
        self.is_leaving = False
        self._actions: list[Callable[[], bool]] = []

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        loop.add_signal_handler(signal.SIGINT, self._hit, task)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    @contextlib.contextmanager
    def first(self, action: Callable[[], bool]) -> Iterator[None]:
        """`action` gets every Ctrl-C inside; where it says False, the program is left."""
        self._actions.append(action)
        try:
            yield
        finally:
            self._actions.remove(action)

    def _hit(self, task: asyncio.Task[object] | None) -> None:
        if self._actions and self._actions[-1]():
            return
        self.is_leaving = True
        if task is not None:
            task.cancel()


@contextlib.contextmanager
def quiet_keys() -> Iterator[None]:
    """What is typed outside of a prompt is not shown, and is there for the next one, key by key."""
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    quiet = termios.tcgetattr(keyboard)
    quiet[0] &= ~termios.ICRNL
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(keyboard, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSANOW, before)
