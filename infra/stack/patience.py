"""Trying again until it works or time is up."""

import time
from collections.abc import Callable
from typing import TypeVar

from infra.stack.errors import ServerFailed

WHOLE_SECONDS = 60.0
POLL_SECONDS = 0.3
Result = TypeVar("Result")


def patiently(
    what: str, attempt: Callable[[], Result], passing: tuple[type[Exception], ...], seconds: float = WHOLE_SECONDS
) -> Result:
    """What the first attempt returns that raises nothing of `passing`. Raises ServerFailed when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except passing as error:
            if time.monotonic() > deadline:
                raise ServerFailed(f"{what} within {seconds:.0f} s: {error}") from error
        time.sleep(POLL_SECONDS)
