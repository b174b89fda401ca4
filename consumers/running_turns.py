"""The turns that this process runs, and how they are interrupted: stopped, taken over, given back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

from consumers.slot import EndlessSlots, Slot
from store.rows import TurnRow

SHORT_PAUSE_SECONDS = 0.1


class Interruption(Enum):
    """Why a running turn must leave off."""

    STOPPED = auto()
    """Its user asked, or its conversation was deleted."""
    TAKEN = auto()
    """Another worker holds a higher attempt."""
    RELEASED = auto()
    """This worker leaves, or lost the partition before the provider was called."""


@dataclass(slots=True)
class RunningTurn:
    """One turn from the moment it is looked at until it is done with here."""

    turn_id: str
    user_id: str
    conversation_id: str
    attempt: int = 0
    provider_called: bool = False
    broken_attempts: int = 0
    slot: Slot = field(default_factory=EndlessSlots)
    is_held_elsewhere: bool = False
    """Another live worker has the claim: this process only waits for what becomes of it."""
    is_waiting_for_provider: bool = False
    """All providers of its chain are limited or down: it will ask when one may be asked."""
    held: TurnRow | None = None
    """The row with our claim, until it was given back."""
    conversation_dropped: bool = False
    interrupted: asyncio.Future[Interruption] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def interrupt(self, why: Interruption) -> None:
        """The first reason counts, but that nobody may write a taken turn outweighs all."""
        if self.interrupted.done() and why is Interruption.TAKEN:
            self.interrupted = asyncio.get_running_loop().create_future()
        if not self.interrupted.done():
            self.interrupted.set_result(why)

    @asynccontextmanager
    async def waiting_for_another(self) -> AsyncIterator[None]:
        """While another live worker has the claim; that costs no slot here."""
        self.is_held_elsewhere = True
        try:
            async with self.slot.lent():
                yield
                self.is_held_elsewhere = False  # it only waits for room now, and nobody else counts it
        finally:
            self.is_held_elsewhere = False

    @asynccontextmanager
    async def waiting_for_provider(self) -> AsyncIterator[None]:
        """While no provider takes it. It keeps its claim, and costs no slot."""
        self.is_waiting_for_provider = True
        try:
            async with self.slot.lent(keeps_claim=True):
                yield
        finally:
            self.is_waiting_for_provider = False

    async def pause(self, seconds: float) -> None:
        """Until it is interrupted, and at most so long. Once it was, pauses are short: its end must be near."""
        if self.interrupted.done():
            await asyncio.sleep(min(seconds, SHORT_PAUSE_SECONDS))
        else:
            await asyncio.wait({self.interrupted}, timeout=seconds)

    def forget_interruption(self) -> None:
        """For the next look at the row, which says what still holds."""
        self.interrupted = asyncio.get_running_loop().create_future()

    @property
    def interruption(self) -> Interruption | None:
        return self.interrupted.result() if self.interrupted.done() else None


class RunningTurns:
    """By turn id; what comes in on `chat.control` lands here."""

    def __init__(self) -> None:
        self._turns: dict[str, RunningTurn] = {}
        self._is_leaving = False

    def __len__(self) -> int:
        return len(self._turns)

    @property
    def held_elsewhere_count(self) -> int:
        """Turns that are only waited for, because another worker runs them. Any thread may ask."""
        return sum(turn.is_held_elsewhere for turn in self._turns.copy().values())

    @property
    def waiting_for_provider_count(self) -> int:
        """Turns that are ours and whose providers take no more right now. Any thread may ask."""
        return sum(turn.is_waiting_for_provider for turn in self._turns.copy().values())

    def get(self, turn_id: str) -> RunningTurn | None:
        return self._turns.get(turn_id)

    def begin(self, turn: RunningTurn) -> None:
        """Registers a turn before its claim, so that no stop can fall between the two."""
        self._turns[turn.turn_id] = turn
        if self._is_leaving:
            turn.interrupt(Interruption.RELEASED)

    def end(self, turn: RunningTurn) -> None:
        self._turns.pop(turn.turn_id, None)
        turn.done.set()

    def stop(self, turn_id: str) -> None:
        if turn := self._turns.get(turn_id):
            turn.interrupt(Interruption.STOPPED)

    def release(self, turn_id: str) -> None:
        """For a turn that another worker can go on with as well."""
        if turn := self._turns.get(turn_id):
            turn.interrupt(Interruption.RELEASED)

    def taken(self, turn_id: str, attempt: int) -> None:
        """Somebody claimed `attempt`; a lower one that runs here falls silent."""
        turn = self._turns.get(turn_id)
        if turn is not None and 0 < turn.attempt < attempt:
            turn.interrupt(Interruption.TAKEN)

    def stop_conversation(self, user_id: str, conversation_id: str, dropped: bool = False) -> None:
        """Stops what runs of a conversation; `dropped`: it was deleted, and nothing of it may be remembered."""
        for turn in self._turns.values():
            if (turn.user_id, turn.conversation_id) == (user_id, conversation_id):
                turn.conversation_dropped = turn.conversation_dropped or dropped
                turn.interrupt(Interruption.STOPPED)

    def leave(self) -> None:
        """This worker leaves: what has not asked its provider, or begins only now, is another worker's to run."""
        self._is_leaving = True
        self.release_all(only_before_provider=True)

    def release_all(self, only_before_provider: bool = False) -> None:
        for turn in self._turns.values():
            if not (only_before_provider and turn.provider_called):
                turn.interrupt(Interruption.RELEASED)
