"""Opens the whole embedded store on one file."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from store.sqlite.api_keys import SqliteApiKeys
from store.sqlite.checkpoints import SqliteCheckpoints
from store.sqlite.conversations import SqliteConversations
from store.sqlite.database import SqliteDatabase
from store.sqlite.heartbeats import SqliteHeartbeats
from store.sqlite.journal import SqliteJournal
from store.sqlite.messages import SqliteMessages
from store.sqlite.sign_ins import SqliteSignIns
from store.sqlite.turns import SqliteTurns
from store.sqlite.used_tickets import SqliteUsedTickets
from store.sqlite.users import SqliteUsers

# As long as requests are kept (DESIGN 5): until then a turn may be taken over.
CHECKPOINT_TTL_SECONDS = 7 * 24 * 3600
HEARTBEAT_TTL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """Everything that is kept, on one database."""

    turns: SqliteTurns
    checkpoints: SqliteCheckpoints
    heartbeats: SqliteHeartbeats
    messages: SqliteMessages
    conversations: SqliteConversations
    journal: SqliteJournal
    users: SqliteUsers
    sign_ins: SqliteSignIns
    used_tickets: SqliteUsedTickets
    api_keys: SqliteApiKeys


@asynccontextmanager
async def open_store(
    path: Path,
    checkpoint_ttl_seconds: float = CHECKPOINT_TTL_SECONDS,
    heartbeat_ttl_seconds: float = HEARTBEAT_TTL_SECONDS,
) -> AsyncIterator[SqliteStore]:
    """The store in the file `path`, made when missing. Raises StoreUnavailable or NewerDatabase."""
    async with SqliteDatabase(path) as database:
        yield SqliteStore(
            turns=SqliteTurns(database),
            checkpoints=SqliteCheckpoints(database, checkpoint_ttl_seconds),
            heartbeats=SqliteHeartbeats(database, heartbeat_ttl_seconds),
            messages=SqliteMessages(database),
            conversations=SqliteConversations(database),
            journal=SqliteJournal(database),
            users=SqliteUsers(database),
            sign_ins=SqliteSignIns(database),
            used_tickets=SqliteUsedTickets(database),
            api_keys=SqliteApiKeys(database),
        )
