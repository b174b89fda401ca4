"""Group commit: actions that wait together run in one transaction, each with an outcome of its own.

Comes in: actions on the connection. Goes out: one Outcome for each, in order, after the commit.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from store.errors import StoreUnavailable
from store.sqlite.failures import passing_failures_named

Action = Callable[[sqlite3.Connection], Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action returned, or what it raised."""

    value: Any = None
    error: Exception | None = None


def run_group(connection: sqlite3.Connection, actions: Sequence[Action], writes: bool) -> list[Outcome]:
    """Runs the actions in order. One that raises changes nothing and takes no other with it.

    An action may run twice (its first run rolled back), so it changes nothing but the database.
    """
    try:
        return _run_together(connection, actions, writes)
    except StoreUnavailable as error:
        return [Outcome(error=StoreUnavailable(str(error))) for _ in actions]
    except Exception as error:  # the border of the database's thread: whoever awaits the action gets it
        if len(actions) == 1:
            return [Outcome(error=error)]
        return [outcome for action in actions for outcome in run_group(connection, [action], writes)]


def _run_together(connection: sqlite3.Connection, actions: Sequence[Action], writes: bool) -> list[Outcome]:
    with passing_failures_named():
        if writes:
            # IMMEDIATE waits for the lock here: upgrading a read lock later fails at once instead of waiting.
            connection.execute("BEGIN IMMEDIATE")
        with connection:
            return [Outcome(action(connection)) for action in actions]
