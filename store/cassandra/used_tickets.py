"""Tickets that were redeemed: each once, on whatever edge."""

from store.cassandra.session import CassandraSession
from store.cassandra.statements import Kind, Statement

USE = Statement(
    "INSERT INTO used_tickets (ticket_id, nonce) VALUES (?, ?) IF NOT EXISTS USING TTL ?", Kind.COMPARE_AND_SET
)

STATEMENTS = (USE,)


class CassandraUsedTickets:
    """Every method raises StoreUnavailable; whether the ticket counts as used is then unknown.

    The caller asks again with the same nonce: in the row that is there, it says that the first try was written.
    """

    def __init__(self, session: CassandraSession) -> None:
        self._session = session

    async def use(self, ticket_id: str, nonce: str, ttl_seconds: int) -> bool:
        """True for the first who uses it, and for the same nonce again.

        Remembered for `ttl_seconds`: longer than the ticket itself is good.
        """
        stored = await self._session.compare_and_set(USE, ticket_id, nonce, ttl_seconds)
        return stored is None or stored.get("nonce") == nonce
