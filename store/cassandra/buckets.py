"""Which partition a message is in. Pure.

A conversation's messages lie in buckets, each a span of time by the messages' ids (UUIDv7). The first bucket, 0, begins
with time itself and nearly always is the only one. When the newest holds enough messages a next one is announced, two
hours ahead; it is named by the moment at which it begins, in milliseconds. Whoever knows the announced moments, from a
read not older than an hour, therefore puts and finds every message in the same place as everybody else.

A bucket ends up with about `MAX_MESSAGES` and what two hours bring: answers stream at about 1 KB/s at most and run one
after the other, so that is under 10 MB more.
"""

import uuid
from collections.abc import Collection

MAX_MESSAGES = 1000
"""Of 2 KB on average, 2 MB; of the longest that models give, some 32 MB. 100 MB is too much for a partition (D1)."""
AHEAD_MS = 2 * 3600 * 1000
KNOWN_FOR_MS = 3600 * 1000
CLOCKS_DIFFER_MS = 60 * 1000

FIRST = 0


def moment_ms_of(message_id: uuid.UUID) -> int:
    """When the id was minted: the first 48 bits of a UUIDv7."""
    return message_id.int >> 80


def bucket_of(message_id: uuid.UUID, announced: Collection[int]) -> int:
    """The newest bucket that had begun when the id was minted."""
    moment_ms = moment_ms_of(message_id)
    return max((start for start in announced if start <= moment_ms), default=FIRST)


def newest_first(announced: Collection[int], before: uuid.UUID | None, now_ms: int) -> list[int]:
    """The buckets that can hold messages older than `before`, or any message at all by now."""
    end_ms = now_ms + CLOCKS_DIFFER_MS if before is None else moment_ms_of(before)
    return [*sorted((start for start in announced if start <= end_ms), reverse=True), FIRST]


def next_bucket(messages_in_newest: int, announced: Collection[int], now_ms: int) -> int | None:
    """The bucket to announce, if the newest one is full and no other is announced yet."""
    if messages_in_newest < MAX_MESSAGES or any(start > now_ms for start in announced):
        return None
    return now_ms + AHEAD_MS
