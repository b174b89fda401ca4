"""A running worker in numbers, read when somebody asks (on the admin server's thread: nothing here changes anything).

The number to scale by is `open_turns`: queued and running turns, each counted by one worker. Records that nobody polled
belong to the partition's owner, waiting turns to the one that took them, running ones to the one that runs them, also
after their partition moved. A redelivered turn that another worker holds, or that runs here already, is counted there.
"""

import time
from collections.abc import Mapping

from consumers.dispatching import Dispatcher
from consumers.request_listener import RequestListener
from consumers.running_turns import RunningTurns
from consumers.watchdog import Watchdog


class NumbersOfWorker:
    """What `observability.worker_metrics` shows."""

    def __init__(
        self, dispatcher: Dispatcher, running: RunningTurns, requests: RequestListener, watchdog: Watchdog
    ) -> None:
        self._dispatcher = dispatcher
        self._running = running
        self._requests = requests
        progress = self._progress = requests.progress
        self.broker_silent_seconds = watchdog.broker_silent_seconds
        self.last_commit_seconds = progress.last_commit_seconds
        self.last_poll_seconds = progress.last_poll_seconds

    def open_turns(self) -> float:
        """Queued plus running."""
        return sum(count for state, count in self.turns_by_state().items() if state != "held_elsewhere")

    def turns_by_state(self) -> Mapping[str, float]:
        """`unpolled` and `waiting` are queued; `held_elsewhere` ones are counted as running by another worker."""
        held_elsewhere = self._running.held_elsewhere_count
        return {
            "unpolled": sum(self._progress.unread().values()),
            "waiting": self._dispatcher.waiting_here_count,
            "running": len(self._running) - held_elsewhere,
            "held_elsewhere": held_elsewhere,
        }

    def unread_by_partition(self) -> Mapping[str, float]:
        return {str(partition): count for partition, count in self._progress.unread().items()}

    def assignments(self) -> float:
        return self._progress.assignments

    def dead_letters(self) -> float:
        return self._requests.dead_letters

    def oldest_uncommitted_seconds(self) -> float:
        """By the record's own time, so the edge's clock and ours should agree."""
        oldest_ms = self._dispatcher.assignment.oldest_open_ms
        return 0.0 if oldest_ms is None else max(0.0, time.time() - oldest_ms / 1000)
