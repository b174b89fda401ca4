"""Looking turns up: one read for all who wait, and no wish is lost."""

import asyncio

from schemas.ids import new_id
from store.rows import Checkpoint, TurnRow
from ws_edge.hub import Hub
from ws_edge.looking_up import TurnLookup
from ws_edge.turns_in_flight import TurnsInFlight


class EmptyStore:
    """Knows no turn, and counts how often it was asked."""

    def __init__(self) -> None:
        self.reads = 0

    async def load(self, turn_id: str) -> TurnRow | None:
        self.reads += 1
        return None

    async def newest(self, turn_id: str) -> Checkpoint | None:
        return None


def task_of(turn_id: str) -> asyncio.Task[object]:
    (task,) = [task for task in asyncio.all_tasks() if turn_id in task.get_name()]
    return task


async def test_a_wish_in_the_very_moment_in_which_a_look_ends_is_looked_up_too() -> None:
    store, where = EmptyStore(), (new_id(), new_id(), new_id())

    def clock() -> float:
        """Asked at the first look's last step; what it leaves to the loop comes right after that look."""
        if store.reads == 1:
            asyncio.get_running_loop().call_soon(lambda: lookup.want(*where))
        return 0.0

    lookup = TurnLookup(store, store, Hub(TurnsInFlight()), clock)
    lookup.want(*where)
    await task_of(where[-1])
    await task_of(where[-1])
    assert store.reads == 2


async def test_two_wishes_at_once_are_one_read() -> None:
    store, where = EmptyStore(), (new_id(), new_id(), new_id())
    lookup = TurnLookup(store, store, Hub(TurnsInFlight()), lambda: 0.0)
    lookup.want(*where)
    lookup.want(*where)
    await task_of(where[-1])
    assert store.reads == 1
