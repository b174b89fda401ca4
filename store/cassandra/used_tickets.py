"""Tickets that were redeemed: each once, on whatever edge."""

from store.cassandra.session import CassandraSession
from store.cassandra.statements import Kind, Statement

USE = Statement("INSERT INTO used_tickets (ticket_id) VALUES (?) IF NOT EXISTS USING TTL ?", Kind.COMPARE_AND_SET)

STATEMENTS = (USE,)


class CassandraUsedTickets:
    """Every method raises StoreUnavailable; whether the ticket counts as used is then unknown."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session

    async def use(self, ticket_id: str, ttl_seconds: int) -> bool:
        """True for the first who uses it. Remembered for `ttl_seconds`: longer than the ticket itself is good."""
        return await self._session.compare_and_set(USE, ticket_id, ttl_seconds) is None
