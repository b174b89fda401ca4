"""Heartbeats: a counter for each worker, by which the others tell that it lives (DESIGN 6, step 3).

All in one partition, so that reading them is one small read. Beats overwrite; a worker that leaves or dies makes one
tombstone, which may go after a minute: nothing older than it could come back to life, for every beat expires too.
"""

import math
from uuid import UUID

from store.cassandra.session import CassandraSession
from store.cassandra.statements import Kind, Statement

BEAT = Statement(
    "UPDATE workers USING TTL ? SET counter = ? WHERE everyone = 0 AND worker_id = ?", Kind.WRITE, passes_by=True
)
COUNTERS = Statement("SELECT worker_id, counter FROM workers WHERE everyone = 0", Kind.READ, passes_by=True)
LEAVE = Statement("DELETE FROM workers WHERE everyone = 0 AND worker_id = ?", Kind.WRITE)

STATEMENTS = (BEAT, COUNTERS, LEAVE)


class CassandraHeartbeats:
    """A worker that has not beaten for `ttl_seconds`, whole here, is gone. Every method raises StoreUnavailable."""

    def __init__(self, session: CassandraSession, ttl_seconds: float = 60) -> None:
        self._session = session
        self._ttl_seconds = math.ceil(ttl_seconds)

    async def beat(self, worker_id: str, counter: int) -> None:
        """Replaces the worker's counter."""
        await self._session.write((BEAT, (self._ttl_seconds, counter, UUID(worker_id))))

    async def counters(self) -> dict[str, int]:
        """The counter of every worker, by its id."""
        return {str(worker_id): counter for worker_id, counter in await self._session.rows(COUNTERS)}

    async def leave(self, worker_id: str) -> None:
        """The worker is gone from now on."""
        await self._session.write((LEAVE, (UUID(worker_id),)))
