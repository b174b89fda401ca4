"""A store outage ends no turn: calls that must succeed are repeated until they do (DESIGN 7)."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import stamina

from store.errors import StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")


async def until_it_works(call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Repeats an idempotent call of the store while it is unavailable, with capped, jittered pauses."""
    async for attempt in stamina.retry_context(
        on=StoreUnavailable, attempts=None, timeout=None, wait_initial=0.1, wait_max=5.0
    ):
        with attempt:
            return await call(*args, **kwargs)
    raise AssertionError("the loop above ends only by returning or raising")
