"""What all processes of a simulation share: the loop, and whatever was asked of a server and not answered yet."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from store.errors import StoreUnavailable
from tests.pure.interleavings.virtual_loop import OWNER, VirtualLoop

T = TypeVar("T")
BEGAN_AT_SECONDS = 1_700_000_000.0


def _always() -> bool:
    return True


@dataclass(eq=False, slots=True)
class Operation:
    """A call of a server under way. `fails_with`: what its caller gets if the outcome stays unknown."""

    owner: Any
    label: str
    apply: Callable[[], Any]
    answer: "asyncio.Future[Any]"
    fails_with: type[Exception] | None
    is_possible: Callable[[], bool]

    @property
    def can_happen(self) -> bool:
        is_held_up = self.owner is not None and self.owner.is_frozen
        return not is_held_up and self.is_possible()


class World:
    """`under_way`: calls that wait for their server; `adrift`: calls that nobody waits for, which may still arrive."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.under_way: list[Operation] = []
        self.adrift: list[Operation] = []
        self.is_over = False
        self.seen: Counter[str] = Counter()
        self.bugs: list[str] = []

    @property
    def now(self) -> float:
        """Seconds since 1970, as every process's clock says."""
        return BEGAN_AT_SECONDS + self.loop.now

    async def call(
        self,
        label: str,
        apply: Callable[[], T],
        fails_with: type[Exception] | None = StoreUnavailable,
        is_possible: Callable[[], bool] = _always,
    ) -> T:
        """Asks a server; the schedule says when it acts, and whether its answer comes."""
        owner = OWNER.get()
        if self.is_over or (owner is not None and owner.is_dead):
            raise asyncio.CancelledError
        answer: asyncio.Future[T] = self.loop.create_future()
        told = f"{'the edge' if owner is None else owner.name}: {label}"
        self.under_way.append(Operation(owner, told, apply, answer, fails_with, is_possible))
        return await answer

    def carry_out(self, operation: Operation) -> None:
        """The server acts and answers, if anybody still waits for it."""
        self.under_way.remove(operation)
        result = operation.apply()
        if not operation.answer.done():
            operation.answer.set_result(result)

    def leave_unknown(self, operation: Operation, is_applied: bool) -> None:
        """The caller hears nothing in time: the server acted, or it may do so later."""
        assert operation.fails_with is not None
        self.under_way.remove(operation)
        if is_applied:
            operation.apply()
        else:
            self.adrift.append(operation)
        if not operation.answer.done():
            operation.answer.set_exception(operation.fails_with("no answer in time"))

    def abandon(self, owner: Any) -> None:
        """The caller died: what it asked for may still arrive."""
        gone = [operation for operation in self.under_way if operation.owner is owner]
        self.under_way = [operation for operation in self.under_way if operation.owner is not owner]
        self.adrift.extend(operation for operation in gone if operation.fails_with is not None)
