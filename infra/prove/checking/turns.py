"""What a history says of each turn, put together.

In: nothing. Out: the types that `joining.py` fills and the rules read.
"""

from dataclasses import dataclass, field

from infra.prove.events import Asked, Call, FaultBegan, FaultEnded, Published, StoredMessage
from schemas.frames import AnyTurnFrame, Queued
from schemas.ids import attempt_of
from schemas.usage import UsageRecord
from store.rows import TurnRow

Conversation = tuple[str, str]
"""User and conversation."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame of a turn at a client. `may_repeat`: after a (re)connect, `watching` or `accepted`, a resume begins."""

    at: float
    frame: AnyTurnFrame | Queued
    may_repeat: bool


@dataclass(slots=True, eq=False)
class Turn:
    """Everything known of one turn. `asked` is None for a turn that no client asked for.

    `is_refused`: rejected in the session in which it was asked, so that nothing of an earlier one may come of it.
    `seen`: by client, in the order of arrival; `published`: in the order of the topic.
    """

    turn_id: str
    asked: Asked | None = None
    accepted_at: float | None = None
    other_ids: set[str] = field(default_factory=set)
    """Other turns that the same request was accepted as."""
    is_rejected: bool = False
    is_refused: bool = False
    gave_up: bool = False
    stops: list[float] = field(default_factory=list)
    seen: dict[str, list[Seen]] = field(default_factory=dict)
    published: list[Published] = field(default_factory=list)
    row: TurnRow | None = None
    messages: list[StoredMessage] = field(default_factory=list)
    bills: list[UsageRecord] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    shares_calls: bool = False
    """Another turn asked the same text (a regeneration): which call was whose can't be told."""

    @property
    def has_begun(self) -> bool:
        """A worker claimed it."""
        return self.row is not None and self.row.attempt > 0

    @property
    def is_promised(self) -> bool:
        """The client was told that it is durable, or a worker had it: so it was."""
        return self.accepted_at is not None or self.has_begun

    @property
    def left_traces(self) -> bool:
        return bool(self.published or self.messages or self.bills or self.calls) or self.row is not None

    @property
    def newest_attempt(self) -> int:
        """The highest one that was claimed, as its row says."""
        return 0 if self.row is None else self.row.attempt

    @property
    def highest_published_attempt(self) -> int:
        return max((attempt_of(record.seq) for record in self.published if record.seq is not None), default=0)


@dataclass(slots=True, eq=False)
class History:
    """A whole run, joined."""

    turns: dict[str, Turn] = field(default_factory=dict)
    user_of_client: dict[str, str] = field(default_factory=dict)
    conversations: dict[Conversation, list[StoredMessage]] = field(default_factory=dict)
    faults: list[FaultBegan] = field(default_factory=list)
    fault_ends: list[FaultEnded] = field(default_factory=list)
    stray_calls: list[Call] = field(default_factory=list)
    """Calls whose question no client asked."""
    unreadable: list[str] = field(default_factory=list)
    """Clients that got a frame which is none."""
    users_of_seed: dict[int, set[str]] = field(default_factory=dict)
    """For whom the provider gave the answer of a seed."""

    def turn(self, turn_id: str) -> Turn:
        """The turn of this id, whether or not anybody asked for it."""
        return self.turns.setdefault(turn_id, Turn(turn_id))
