"""What the store holds when all is over: each turn's row, each conversation's messages.

In: the turns that were asked. Out: a `StoredTurn` for each that has a row, a `StoredMessage` for each message.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Protocol

from infra.prove.events import StoredMessage, StoredTurn
from infra.prove.recording import Recorder
from store.rows import MessageRow, TurnRow

AT_ONCE = 16
PAGE = 200


class Turns(Protocol):
    """Rows of turns."""

    async def load(self, turn_id: str) -> TurnRow | None: ...


class Messages(Protocol):
    """Messages, newest first."""

    async def page(self, user_id: str, conversation_id: str, before: str | None, limit: int) -> list[MessageRow]: ...


async def collect_turns(asked: Iterable[str], turns: Turns, recorder: Recorder) -> None:
    """Raises StoreUnavailable."""
    permits = asyncio.Semaphore(AT_ONCE)

    async def collect(turn_id: str) -> None:
        async with permits:
            row = await turns.load(turn_id)
        if row is not None:
            recorder.write(StoredTurn(at=time.monotonic(), row=row))

    await asyncio.gather(*(collect(turn_id) for turn_id in asked))


async def collect_messages(asked: Mapping[str, tuple[str, str]], messages: Messages, recorder: Recorder) -> None:
    """Of every conversation of these turns, oldest first. Raises StoreUnavailable."""
    permits = asyncio.Semaphore(AT_ONCE)

    async def collect(user_id: str, conversation_id: str) -> None:
        async with permits:
            found = await _all_of(messages, user_id, conversation_id)
        for message in found:
            recorder.write(
                StoredMessage(at=time.monotonic(), user_id=user_id, conversation_id=conversation_id, message=message)
            )

    await asyncio.gather(*(collect(*conversation) for conversation in set(asked.values())))


async def _all_of(messages: Messages, user_id: str, conversation_id: str) -> list[MessageRow]:
    found: list[MessageRow] = []
    before: str | None = None
    while page := await messages.page(user_id, conversation_id, before, PAGE):
        found += page
        before = page[-1].message_id
    return found[::-1]
