"""Full garbage collections that walk only what is new, in a process that keeps very many objects for long.

A full collection walks every object that may refer to others, and nothing else runs meanwhile: 0.1 s for each
thousand open sockets, again and again while they come. Here what one has walked is taken out of the collector's
sight. It is still freed as soon as nothing refers to it; only what refers to itself in a circle is not. So sessions
leave no circles behind (tests/flow/test_edge_lifetime.py), and at so many objects, and whenever they doubled, all are
walked.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

OLDEST = 2
"""The generation that a full collection walks."""
WALK_AGAIN_AT = 4_000_000
"""Objects out of sight, some 400 MB: 10,000 sockets are fewer."""


class ShortCollections:
    """A callback of the collector, as in `gc.callbacks`."""

    def __init__(self, walk_again_at: int = WALK_AGAIN_AT) -> None:
        self._least = self._bound = walk_again_at
        self._hidden = 0  # at most: those that were freed since are not subtracted

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        if info["generation"] != OLDEST:
            return
        if phase == "stop":
            self._hide()
        elif self._hidden > self._bound:
            self._show_if_there_are_so_many()

    def _hide(self) -> None:
        walked_all = self._hidden == 0
        self._hidden += len(gc.get_objects(OLDEST))
        gc.freeze()
        if walked_all:
            self._bound = max(self._least, 2 * self._hidden)

    def _show_if_there_are_so_many(self) -> None:
        self._hidden = gc.get_freeze_count()
        if self._hidden > self._bound:
            gc.unfreeze()
            self._hidden = 0


@contextmanager
def short_collections(collections: ShortCollections | None = None) -> Iterator[None]:
    """While it lasts, for the whole process. What is out of sight then stays so: the process is about to end."""
    callback = collections or ShortCollections()
    gc.callbacks.append(callback)
    try:
        yield
    finally:
        gc.callbacks.remove(callback)
