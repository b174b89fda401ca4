"""Opens the whole store on a Cassandra cluster."""

import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from store.cassandra import (
    api_keys,
    checkpoints,
    conversations,
    heartbeats,
    listing,
    messages,
    open_turns,
    sign_ins,
    turns,
    used_tickets,
    users,
)
from store.cassandra.address import CassandraAddress
from store.cassandra.api_keys import CassandraApiKeys
from store.cassandra.checkpoints import CassandraCheckpoints
from store.cassandra.conversations import CassandraConversations
from store.cassandra.heartbeats import CassandraHeartbeats
from store.cassandra.known import KnownBuckets
from store.cassandra.messages import CassandraMessages
from store.cassandra.session import CassandraSession
from store.cassandra.sign_ins import CassandraSignIns
from store.cassandra.turns import CassandraTurns
from store.cassandra.used_tickets import CassandraUsedTickets
from store.cassandra.users import CassandraUsers

# As long as requests are kept (DESIGN 5): until then a turn may be taken over.
CHECKPOINT_TTL_SECONDS = 7 * 24 * 3600
HEARTBEAT_TTL_SECONDS = 60

STATEMENTS = (
    *turns.STATEMENTS,
    *open_turns.STATEMENTS,
    *checkpoints.STATEMENTS,
    *heartbeats.STATEMENTS,
    *messages.STATEMENTS,
    *conversations.STATEMENTS,
    *listing.STATEMENTS,
    *users.STATEMENTS,
    *sign_ins.STATEMENTS,
    *used_tickets.STATEMENTS,
    *api_keys.STATEMENTS,
)


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def about_once_in_a_hundred() -> bool:
    """Counting a full bucket costs some 5 ms, so each append pays 0.05 ms for it."""
    return random.random() < 0.01


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Time and chance, which tests choose."""

    clock_ms: Callable[[], int] = now_ms
    is_time_to_count: Callable[[], bool] = about_once_in_a_hundred


@dataclass(frozen=True, slots=True)
class CassandraStore:
    """Everything that is kept, on one session."""

    turns: CassandraTurns
    checkpoints: CassandraCheckpoints
    heartbeats: CassandraHeartbeats
    messages: CassandraMessages
    conversations: CassandraConversations
    users: CassandraUsers
    sign_ins: CassandraSignIns
    used_tickets: CassandraUsedTickets
    api_keys: CassandraApiKeys
    session: CassandraSession = field(repr=False)


@asynccontextmanager
async def open_cassandra_store(
    address: CassandraAddress,
    checkpoint_ttl_seconds: float = CHECKPOINT_TTL_SECONDS,
    heartbeat_ttl_seconds: float = HEARTBEAT_TTL_SECONDS,
    circumstances: Circumstances = Circumstances(),
) -> AsyncIterator[CassandraStore]:
    """The store at `address`, migrated before. A cluster that is away is waited for in the background.

    Raises StoreError for what waiting does not mend: no keyspace or an old one (run samvad migrate), a wrong password.
    Of a cluster that was away, this shows only once it is there: then it is a warning in the log, once for each reason.
    """
    clock_ms = circumstances.clock_ms
    buckets, ended = KnownBuckets(clock_ms), open_turns.EndedTurns()
    async with CassandraSession(address, STATEMENTS) as session:
        yield CassandraStore(
            turns=CassandraTurns(session, ended),
            checkpoints=CassandraCheckpoints(session, checkpoint_ttl_seconds, clock_ms),
            heartbeats=CassandraHeartbeats(session, heartbeat_ttl_seconds),
            messages=CassandraMessages(session, buckets, clock_ms, circumstances.is_time_to_count),
            conversations=CassandraConversations(session, buckets, ended, clock_ms),
            users=CassandraUsers(session),
            sign_ins=CassandraSignIns(session, clock_ms),
            used_tickets=CassandraUsedTickets(session),
            api_keys=CassandraApiKeys(session),
            session=session,
        )
