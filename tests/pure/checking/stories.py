"""Runs as they should be, told as events, for the tests of the checker.

In: what happens to each turn. Out: the events that an honest system leaves behind; tests then change some of them.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from infra.practice_provider.words import answer_tokens
from infra.prove import events as ev
from schemas import codec
from schemas.errors import ErrorCode
from schemas.frames import (
    Accepted,
    AnyServerFrame,
    AnyTurnFrame,
    Asked,
    Completed,
    Delta,
    Failed,
    Ready,
    Snapshot,
    Started,
    Stopped,
    Switched,
    Watching,
)
from schemas.ids import seq_of
from schemas.parts import Usage, UserMessage
from schemas.statuses import TurnStatus
from schemas.usage import UsageRecord
from store.rows import Finish, MessageRow, TurnRow

STEP_SECONDS = 0.01
USAGE = Usage(3, 5, estimated=False)
COMPLETED, STOPPED, FAILED = TurnStatus.COMPLETED, TurnStatus.STOPPED, TurnStatus.FAILED


@dataclass(frozen=True)
class Try:
    """One attempt: its deltas, or cuts (a number: `switched` keeps so much), and how many frames came after its death
    was assumed (its worker was only asleep)."""

    parts: Sequence[str | int]
    zombie_frames: int = 0


@dataclass
class Person:
    """One user with one device and one conversation."""

    name: str
    sessions: int = 0
    asked: int = 0
    leaf: str | None = None

    @property
    def session(self) -> str:
        return f"{self.name}-session-{self.sessions}"

    @property
    def conversation_id(self) -> str:
        return f"{self.name}-conversation"


@dataclass
class Story:
    """Grows by turns; `events` are all of them in the order in which they happened."""

    events: list[ev.AnyEvent] = field(default_factory=list)
    now: float = 100.0
    _offset: int = 0
    _seed: int = 0

    def tell(self, event: type[Any], **facts: Any) -> None:
        self.now += STEP_SECONDS
        self.events.append(event(**{"at": self.now, **facts}))

    def connect(self, person: Person) -> None:
        """A new session of the device; it watches its conversation."""
        if person.sessions:
            self.tell(ev.Disconnected, client=person.name, session=person.session)
        person.sessions += 1
        self.tell(ev.Connected, client=person.name, user_id=person.name, session=person.session, edge="edge-1")
        self.receive(person, Ready(person.session, person.name, {}, 30, "2030-01-01T00:00:00Z"))
        self.receive(person, Watching(person.conversation_id, [], None))

    def receive(self, person: Person, frame: AnyServerFrame, **facts: Any) -> None:
        raw = msgspec.Raw(codec.encode(frame))
        self.tell(ev.Received, client=person.name, session=person.session, frame=raw, **facts)

    def publish(self, user_id: str, frame: AnyTurnFrame) -> None:
        raw, kind = msgspec.Raw(codec.encode(frame)), codec.kind_of(frame)
        self._offset += 1
        where = {"partition": 0, "offset": self._offset, "user_id": user_id}
        self.tell(ev.Published, **where, turn_id=frame.turn_id, seq=frame.seq, kind=kind, frame=raw)

    def ask(self, person: Person, **facts: Any) -> ev.Asked:
        """Asked, and nothing else yet."""
        if not person.sessions:
            self.connect(person)
        person.asked += 1
        name = f"{person.name}-{person.asked}"
        ids = {"client": person.name, "user_id": person.name, "conversation_id": person.conversation_id}
        texts = {"text": f"Question {name}", "model": "fast"}
        numbers = {"request_id": f"request-{name}", "turn_id": f"turn-{name}", "number": person.asked}
        self.tell(ev.Asked, **ids, **texts, **numbers, **facts)
        asked = self.events[-1]
        assert isinstance(asked, ev.Asked)
        return asked

    def accept(self, person: Person, asked: ev.Asked) -> None:
        self.receive(person, Accepted(asked.request_id, asked.turn_id))
        message = UserMessage(asked.text)
        frame = Asked(**_ids(asked, 0), request_id=asked.request_id, user_message=message, model=asked.model)
        self.publish(person.name, frame)
        self.receive(person, frame)

    def call(self, asked: ev.Asked, **facts: Any) -> int:
        """The provider is asked; the seed of its answer."""
        self._seed += 1
        seed = self._seed
        self.tell(
            ev.Call,
            **{
                "call_id": f"call-{seed}",
                "model": "practice-12x5",
                "question": asked.text,
                "seed": seed,
                "tokens_sent": 12,
                "ended": "completed",
                "closed_at": self.now + 1.0,
                **facts,
            },
        )
        return seed

    def words(self, *counts: int) -> list[str]:
        """The next answer's tokens, merged into deltas of so many."""
        return words_of(self._seed + 1, *counts)

    def turn(self, person: Person, *tries: Try, status: TurnStatus = COMPLETED, **facts: Any) -> ev.Asked:
        """A whole turn as an honest edge shows it: asked, accepted, told, stored and billed."""
        asked = self.ask(person, **facts)
        self.accept(person, asked)
        tries = tries or (Try(self.words(1, 3, 2)),)
        for frame in self._told(person, asked, tries):
            self.receive(person, frame)
        self.end(person, asked, tries, status)
        return asked

    def _told(self, person: Person, asked: ev.Asked, tries: Sequence[Try]) -> list[AnyTurnFrame]:
        """Published in the order of the topic; what an edge lets through."""
        through: list[AnyTurnFrame] = []
        zombie: list[AnyTurnFrame] = []
        for attempt, a_try in enumerate(tries, start=1):
            self.call(asked)
            frames = frames_of(asked, attempt, a_try)
            alive = frames[: len(frames) - a_try.zombie_frames]
            for frame in [alive[0], *zombie, *alive[1:]]:
                self.publish(person.name, frame)
            through += alive
            zombie = frames[len(alive) :]
        return through

    def end(self, person: Person, asked: ev.Asked, tries: Sequence[Try], status: TurnStatus) -> None:
        """The end in all of its places."""
        row = ended_row(asked, tries, status, person.leaf)
        assert row.finish is not None and row.question is not None
        terminal = codec.decode_turn_frame(row.finish.terminal_frame)
        self.publish(person.name, terminal)
        self.receive(person, terminal)
        self.tell(ev.StoredTurn, row=row)
        for message in messages_of(row):
            self.tell(ev.StoredMessage, user_id=person.name, conversation_id=asked.conversation_id, message=message)
        person.leaf = row.answer_id
        for attempt in row.usage_by_attempt:
            self.tell(ev.Billed, record=bill_of(row, attempt))


def words_of(seed: int, *counts: int) -> list[str]:
    """The first tokens of an answer, merged into deltas of so many."""
    tokens = answer_tokens(seed)
    return ["".join(itertools.islice(tokens, count)) for count in counts]


def frames_of(asked: ev.Asked, attempt: int, a_try: Try) -> list[AnyTurnFrame]:
    """`started` and what follows, without the end."""
    question = UserMessage(asked.text, id=f"question-{asked.turn_id}")
    start = {"request_id": asked.request_id, "attempt": attempt, "model": "fast", "user_message": question}
    frames: list[AnyTurnFrame] = [Started(**_ids(asked, seq_of(attempt, 0)), **start, answer_id=_answer_id(asked))]
    for part in a_try.parts:
        where = _ids(asked, frames[-1].seq + 1)
        if isinstance(part, int):
            frames.append(Switched(**where, keep=part, from_model="fast", to_model="smart", reason="provider_failed"))
        else:
            frames.append(Delta(**where, text=part))
    return frames


def text_of(a_try: Try) -> str:
    text = ""
    for part in a_try.parts:
        text = text[:part] if isinstance(part, int) else text + part
    return text


def ended_row(asked: ev.Asked, tries: Sequence[Try], status: TurnStatus, parent_id: str | None = None) -> TurnRow:
    """The turn's row; its last try ended it."""
    seq = frames_of(asked, len(tries), tries[-1])[-1].seq + 1
    usages = dict.fromkeys(range(1, len(tries) + 1), USAGE)
    usage = Usage(3 * len(tries), 5 * len(tries), estimated=False)
    terminal = terminal_of(asked, status, seq, usage)
    finish = Finish(
        status=status,
        text=text_of(tries[-1]),
        model="fast",
        terminal_frame=codec.encode(terminal),
        terminal_kind=codec.kind_of(terminal),
        terminal_seq=seq,
        finished_at_ms=1_000,
        code=ErrorCode.PROVIDER_FAILED if status is FAILED else None,
    )
    return TurnRow(
        turn_id=asked.turn_id,
        user_id=asked.user_id,
        conversation_id=asked.conversation_id,
        version=2,
        attempt=len(tries),
        first_claimed_at_ms=500,
        question=UserMessage(asked.text, parent_id, f"question-{asked.turn_id}"),
        answer_id=_answer_id(asked),
        usage_by_attempt=usages,
        finish=finish,
    )


def terminal_of(asked: ev.Asked, status: TurnStatus, seq: int, usage: Usage = USAGE) -> AnyTurnFrame:
    where, answer_id = _ids(asked, seq), _answer_id(asked)
    if status is FAILED:
        code = ErrorCode.PROVIDER_FAILED
        return Failed(**where, code=code, text=code.text, temporary=True, answer_id=answer_id)
    kind = Completed if status is COMPLETED else Stopped
    return kind(**where, finish_reason="stop", usage=usage, model="fast", answer_id=answer_id)


def snapshot_of(asked: ev.Asked, seq: int, text: str, status: TurnStatus = TurnStatus.RUNNING) -> Snapshot:
    return Snapshot(**_ids(asked, seq), text=text, status=status, model="fast", answer_id=_answer_id(asked))


def messages_of(row: TurnRow) -> list[MessageRow]:
    """The question's and the answer's rows of an ended turn."""
    assert row.question is not None and row.question.id is not None and row.answer_id is not None and row.finish
    total = Usage(3 * row.attempt, 5 * row.attempt, estimated=False)
    ids = {"turn_id": row.turn_id, "created_at_ms": 1}
    return [
        MessageRow(
            message_id=row.question.id, role="user", text=row.question.text, parent_id=row.question.parent_id, **ids
        ),
        MessageRow(
            message_id=row.answer_id,
            role="assistant",
            text=row.finish.text,
            parent_id=row.question.id,
            status=row.finish.status,
            usage=total,
            **ids,
        ),
    ]


def bill_of(row: TurnRow, attempt: int, user_id: str | None = None) -> UsageRecord:
    return UsageRecord(
        user_id=user_id or row.user_id,
        conversation_id=row.conversation_id,
        turn_id=row.turn_id,
        attempt=attempt,
        model="fast",
        input_tokens=3,
        output_tokens=5,
        estimated=False,
        finished_at="2030-01-01T00:00:00Z",
    )


def frame_of(event: ev.AnyEvent) -> AnyServerFrame | None:
    """The frame that came in or was published."""
    if isinstance(event, ev.Received | ev.Published):
        return codec.decode_server_frame(bytes(event.frame))
    return None


def _ids(asked: ev.Asked, seq: int) -> dict[str, Any]:
    return {"conversation_id": asked.conversation_id, "turn_id": asked.turn_id, "seq": seq}


def _answer_id(asked: ev.Asked) -> str:
    return f"answer-{asked.turn_id}"
