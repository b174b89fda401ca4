"""Waiting for something that only a look can tell."""

import asyncio
from collections.abc import Callable

LOOK_SECONDS = 0.05


async def until(condition: Callable[[], bool], seconds: float) -> None:
    """Returns once the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(LOOK_SECONDS)
