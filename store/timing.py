"""How long the store takes, measured at its border: every call of every table, in one place.

In: an opened store, whichever it is. Out: the same store, whose calls report operation, outcome and seconds.
"""

import functools
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

from store.errors import StoreUnavailable

NoteCall = Callable[[str, str, float], None]
"""Operation such as `turns.load`, outcome (`ok`, `unavailable`, `cancelled`, `error`), seconds."""

TABLES = (
    "turns",
    "checkpoints",
    "heartbeats",
    "messages",
    "conversations",
    "users",
    "sign_ins",
    "used_tickets",
    "api_keys",
    "journal",
)
"""The journal is the embedded store's only."""


def time_calls(store: object, note: NoteCall) -> None:
    """Has every public coroutine method of the store's tables report itself."""
    for table_name in TABLES:
        table = getattr(store, table_name, None)
        for name, method in inspect.getmembers(table, inspect.iscoroutinefunction):
            if not name.startswith("_"):
                setattr(table, name, _timed(method, f"{table_name}.{name}", note))


def _timed(method: Callable[..., Awaitable[Any]], operation: str, note: NoteCall) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(method)
    async def call(*arguments: Any, **options: Any) -> Any:
        started_at, outcome = time.perf_counter(), "cancelled"
        try:
            answer = await method(*arguments, **options)
            outcome = "ok"
            return answer
        except StoreUnavailable:
            outcome = "unavailable"
            raise
        except Exception:
            outcome = "error"
            raise
        finally:
            note(operation, outcome, time.perf_counter() - started_at)

    return call
