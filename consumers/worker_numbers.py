"""A running worker in numbers, read when somebody asks (on the admin server's thread: nothing here changes anything).

The number to scale by is `open_turns`. Each queued or running turn has one record that is not ended, and each record is
counted by the owner of its partition: polled or not, running here, or on at a worker that had the partition before. So
the sum over the workers counts each turn once, and a redelivery counts nothing twice.
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
        self._open_turns = 0
        progress = self._progress = requests.progress
        self.broker_silent_seconds = watchdog.broker_silent_seconds
        self.last_commit_seconds = progress.last_commit_seconds
        self.last_poll_seconds = progress.last_poll_seconds

    def open_turns(self) -> float:
        """Queued plus running, of the partitions owned now. While the group gives them out anew it stays as it was,
        or whoever scales by it would see all workers idle for a moment.
        """
        if self._progress.is_member:
            self._open_turns = sum(self._progress.unread().values()) + self._dispatcher.assignment.open_count
        return 0 if self._progress.has_left else self._open_turns

    def turns_by_state(self) -> Mapping[str, float]:
        """What this worker has to do with turns. Some are at two workers: run by one and, after their partition moved,
        `waiting` or `held_elsewhere` at its new owner.
        """
        held_elsewhere = self._running.held_elsewhere_count
        for_provider = self._running.waiting_for_provider_count
        return {
            "unpolled": sum(self._progress.unread().values()),
            "waiting": self._dispatcher.waiting_here_count,
            "running": len(self._running) - held_elsewhere - for_provider,
            "waiting_for_provider": for_provider,
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
