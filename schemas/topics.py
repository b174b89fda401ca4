"""The topics, their settings, and which partition a key goes to (DESIGN 5)."""

import zlib
from dataclasses import dataclass

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

MAX_RECORD_BYTES = 256 * 1024


@dataclass(frozen=True)
class Topic:
    """A topic as the manifest creates it."""

    name: str
    partitions: int
    retention_ms: int
    compacted: bool = False
    log_append_time: bool = False


REQUESTS = Topic("chat.requests", partitions=24, retention_ms=7 * DAY_MS)
REPLIES = Topic("chat.replies", partitions=8, retention_ms=HOUR_MS, log_append_time=True)
CONTROL = Topic("chat.control", partitions=1, retention_ms=HOUR_MS)
USAGE = Topic("chat.usage", partitions=8, retention_ms=7 * DAY_MS)
DEAD_LETTERS = Topic("chat.dead-letters", partitions=1, retention_ms=30 * DAY_MS)

WORKERS_GROUP = "workers"
"""The consumer group that takes requests."""

MANIFEST = (REQUESTS, REPLIES, CONTROL, USAGE, DEAD_LETTERS)


def partition_of(key: str, partition_count: int) -> int:
    """The partition of a key: CRC32 of its UTF-8 modulo the count that the broker reports."""
    return zlib.crc32(key.encode()) % partition_count


def request_key(user_id: str, conversation_id: str) -> str:
    """The key of `chat.requests`: one conversation's turns stay in order."""
    return f"{user_id}/{conversation_id}"
