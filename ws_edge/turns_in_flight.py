"""The turns this edge knows: open ones with their frames, ended ones by their seq and status for a while.

In: every reply of every user, what the store says about a turn, and the time. Out: verdicts, replays, snapshots, and
the `asked` frames that are due to be repeated. Pure, and bounded: frames per turn, ended turns by count and time.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from itertools import takewhile

from schemas.headers import ReplyAddress
from schemas.statuses import TurnStatus
from schemas.topics import request_key
from store.rows import Checkpoint, TurnRow
from ws_edge.shown import shown_by_store
from ws_edge.turn_in_flight import TurnInFlight, Verdict
from ws_edge.waiting_lines import WaitingLines

ENDED_SECONDS = 15 * 60.0
MAX_ENDED = 100_000
OPEN_SECONDS = 3600.0
"""As long as replies are kept (DESIGN 5): an open turn silent for longer is asked of the store when it matters."""
SILENT_SECONDS = 30.0
REPEAT_ASKED_SECONDS = (60.0, 90.0)
"""So that the last two minutes of replies name every open turn, whichever edge starts."""

Conversation = tuple[str, str]
"""User and conversation: someone else's conversation id is simply one's own empty conversation."""


@dataclass(frozen=True, slots=True)
class EndedTurn:
    """What is remembered of a turn that ended; the rest comes from the store."""

    user_id: str
    conversation_id: str
    seq: int
    status: TurnStatus
    ended_at: float


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store has of a turn. `checkpoint` matters for open turns only."""

    row: TurnRow | None
    checkpoint: Checkpoint | None = None


class Learned(Enum):
    """What the store's word about a turn means for those who watch it."""

    NOTHING = auto()
    """It was known, or there is no such turn."""
    JOINED = auto()
    """It can be shown now, and goes on live."""
    ENDED = auto()
    """It has ended: the store has its terminal snapshot."""
    STILL_A_HOLE = auto()
    """The newest checkpoint does not reach up to the frames held: ask again soon."""


class TurnsInFlight:
    """All turns this edge knows, by turn and by conversation."""

    def __init__(
        self, draw: Callable[[float, float], float] = random.uniform, lines: WaitingLines | None = None
    ) -> None:
        self.lines = lines or WaitingLines()
        self._draw = draw
        self._open: dict[str, TurnInFlight] = {}
        self._ended: dict[str, EndedTurn] = {}
        self._by_conversation: dict[Conversation, dict[str, TurnInFlight]] = {}
        self._open_of_user: Counter[str] = Counter()

    def apply(self, user_id: str, address: ReplyAddress, raw: bytes, now: float) -> Verdict:
        """Takes a reply of a turn. `queued` carries no seq: it is passed on, and shows that the turn is open."""
        turn_id = address.turn_id or ""
        if turn_id in self._ended:
            return Verdict.DROP
        turn = self._open.get(turn_id) or self._begin(user_id, address.conversation_id, turn_id, now)
        turn.heard_at = now
        if address.seq is None:
            self._is_held_back(turn, now)
            return Verdict.DELIVER
        if address.seq == 0:
            turn.repeat_asked_at = now + self._draw(*REPEAT_ASKED_SECONDS)
        verdict = turn.apply(address.kind, address.seq, raw)
        self._note_start(turn, now)
        return verdict

    def let_go(self, turn_id: str, now: float) -> None:
        """Forgets the frames of a turn whose terminal frame came; call it once that frame is passed on."""
        turn = self._open.get(turn_id)
        if turn is not None and turn.status.is_terminal:
            self.lines.end(turn.started_at, now)
            self._end(turn, turn.last_seq, turn.status, now)

    def learn(self, turn_id: str, stored: Stored, now: float) -> Learned:
        """Takes the store's word, which may be older than what came since."""
        row, turn = stored.row, self._open.get(turn_id)
        if turn_id in self._ended:
            return Learned.ENDED if row is not None and row.is_ended else Learned.STILL_A_HOLE
        if row is None:
            return Learned.NOTHING if turn is None or turn.is_joined else Learned.STILL_A_HOLE
        turn = turn or self._begin(row.user_id, row.conversation_id, turn_id, now)
        if row.finish is not None:
            self._end(turn, row.finish.terminal_seq, row.finish.status, now)
            return Learned.ENDED
        return self._go_on(turn, row, stored.checkpoint, now)

    def open_turn(self, turn_id: str) -> TurnInFlight | None:
        return self._open.get(turn_id)

    def conversation_of(self, turn_id: str) -> str | None:
        """Where an open turn is."""
        turn = self._open.get(turn_id)
        return None if turn is None else turn.conversation_id

    def ended_turn(self, turn_id: str) -> EndedTurn | None:
        return self._ended.get(turn_id)

    def open_here(self, user_id: str, conversation_id: str, turn_id: str) -> TurnInFlight | None:
        """An open turn, if it is this user's and of this conversation."""
        return self._by_conversation.get((user_id, conversation_id), {}).get(turn_id)

    def ended_here(self, user_id: str, conversation_id: str, turn_id: str) -> EndedTurn | None:
        """An ended turn, if it is this user's and of this conversation."""
        ended = self._ended.get(turn_id)
        is_here = ended is not None and (ended.user_id, ended.conversation_id) == (user_id, conversation_id)
        return ended if is_here else None

    def of_conversation(self, user_id: str, conversation_id: str) -> list[TurnInFlight]:
        """The open turns of a conversation, in the order they were met."""
        return list(self._by_conversation.get((user_id, conversation_id), {}).values())

    def before(self, turn: TurnInFlight) -> list[TurnInFlight]:
        """The open turns of the same conversation that were met before it."""
        of_conversation = self._by_conversation.get((turn.user_id, turn.conversation_id), {}).values()
        return list(takewhile(lambda other: other is not turn, of_conversation))

    @property
    def total_open(self) -> int:
        """How many turns are open, of all users."""
        return len(self._open)

    def open_count(self, user_id: str) -> int:
        """How many turns of this user are open."""
        return self._open_of_user[user_id]

    def snapshot(self, turn_id: str, through: int | None = None) -> bytes | None:
        """A joined turn's snapshot up to the frame `through`; None if there is nothing to show it from."""
        turn = self._open.get(turn_id)
        return turn.snapshot(through) if turn is not None and turn.is_joined else None

    def replay(self, turn_id: str, after: int) -> list[bytes]:
        """A joined turn's frames above `after`, or one snapshot; nothing for a client that is ahead."""
        turn = self._open.get(turn_id)
        return turn.replay(after) if turn is not None and turn.is_joined else []

    def is_ahead(self, turn_id: str, cursor: int) -> bool:
        """True if a client at `cursor` has seen more of an open turn than this edge."""
        turn = self._open.get(turn_id)
        return turn is not None and cursor > turn.last_seq

    def is_followed(self, turn_id: str) -> bool:
        """True for an open turn without a hole: its next frame of the log can be handed on."""
        turn = self._open.get(turn_id)
        return turn is not None and turn.is_joined

    def needs_a_look(self, turn: TurnInFlight, now: float) -> bool:
        """A hole, a lower attempt or silence: ask the store before calling the turn running (DESIGN 6)."""
        is_silent = turn.status is TurnStatus.RUNNING and now - turn.heard_at > SILENT_SECONDS
        return turn.doubted or is_silent or not turn.is_joined

    def silent(self, now: float) -> list[TurnInFlight]:
        """Running turns that said nothing for a while."""
        return [
            turn
            for turn in self._open.values()
            if turn.status is TurnStatus.RUNNING and now - turn.heard_at > SILENT_SECONDS
        ]

    def due_asked(self, now: float) -> list[tuple[TurnInFlight, bytes]]:
        """Every unstarted turn that nobody named for 60-90 s, with its `asked` frame; each is due once."""
        due = []
        for turn in self._open.values():
            if turn.repeat_asked_at <= now and (asked := turn.asked_frame()) is not None:
                turn.repeat_asked_at = now + self._draw(*REPEAT_ASKED_SECONDS)
                due.append((turn, asked))
        return due

    def forget(self, now: float) -> None:
        """Lets go of turns that ended or fell silent long ago."""
        for turn_id in [key for key, turn in self._open.items() if now - turn.heard_at > OPEN_SECONDS]:
            self._remove(self._open[turn_id], now)
        while self._ended:
            oldest = next(iter(self._ended))
            if len(self._ended) <= MAX_ENDED and now - self._ended[oldest].ended_at <= ENDED_SECONDS:
                return
            del self._ended[oldest]

    def _go_on(self, turn: TurnInFlight, row: TurnRow, checkpoint: Checkpoint | None, now: float) -> Learned:
        turn.heard_at = now
        if turn.is_joined:  # whatever the store has beyond it will come through the log, in order
            turn.doubted = False
            return Learned.NOTHING
        is_joined = turn.join(shown_by_store(row, checkpoint))
        self._note_start(turn, now)
        return Learned.JOINED if is_joined else Learned.STILL_A_HOLE

    def _begin(self, user_id: str, conversation_id: str, turn_id: str, now: float) -> TurnInFlight:
        turn = self._open[turn_id] = TurnInFlight(user_id, conversation_id, turn_id, now)
        self._by_conversation.setdefault((user_id, conversation_id), {})[turn_id] = turn
        self._open_of_user[user_id] += 1
        self._line_up((user_id, conversation_id), now)
        return turn

    def _end(self, turn: TurnInFlight, seq: int, status: TurnStatus, now: float) -> None:
        self._remove(turn, now)
        self._ended[turn.turn_id] = EndedTurn(turn.user_id, turn.conversation_id, seq, status, now)

    def _line_up(self, conversation: Conversation, now: float) -> None:
        """A conversation's first open turn waits for a worker if it has not started; the others wait for it."""
        first = next(iter(self._by_conversation.get(conversation, {}).values()), None)
        if first is not None and first.status is TurnStatus.QUEUED and first.worker_spoke_at is None:
            self.lines.join(first.turn_id, request_key(*conversation), now)

    def _is_held_back(self, turn: TurnInFlight, now: float) -> None:
        """A worker has it, and says why it waits: it is before nobody who waits for a worker."""
        turn.worker_spoke_at = now
        self.lines.leave(turn.turn_id)

    def _note_start(self, turn: TurnInFlight, now: float) -> None:
        if turn.started_at is None and turn.status is not TurnStatus.QUEUED:
            turn.started_at = now
            self.lines.start(turn.turn_id, now)

    def _remove(self, turn: TurnInFlight, now: float) -> None:
        del self._open[turn.turn_id]
        self.lines.leave(turn.turn_id)
        key = (turn.user_id, turn.conversation_id)
        del self._by_conversation[key][turn.turn_id]
        if not self._by_conversation[key]:
            del self._by_conversation[key]
        self._line_up(key, now)
        self._open_of_user[turn.user_id] -= 1
        if not self._open_of_user[turn.user_id]:
            del self._open_of_user[turn.user_id]
