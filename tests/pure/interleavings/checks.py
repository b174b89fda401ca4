"""What must hold: after each write, frame, bill and commit, and at the end. `bugs` gets a sentence for each breach."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from consumers import claiming
from consumers.claiming import PATIENCE_SECONDS
from producers.kafka_writer import Record
from samvad_client.reducer import Applied, apply
from samvad_client.turn_view import TurnView
from schemas import codec
from schemas.frames import AnyTurnFrame, Completed, Failed, Stopped, TurnFrame
from schemas.ids import attempt_of
from schemas.statuses import TurnStatus
from schemas.topics import CONTROL, REPLIES, USAGE
from store.rows import TurnRow
from tests.pure.interleavings.log_model import RequestLog
from tests.pure.interleavings.scenario import Send
from tests.pure.interleavings.world import World


@dataclass
class Accepted:
    """A turn that was promised an answer, in the order of the log, and what is known of it."""

    turn_id: str
    name: str
    send: Send
    view: TurnView
    releases: int = 0
    asked: set[int] = field(default_factory=set)
    bills: dict[int, bytes] = field(default_factory=dict)


class Checks:
    """Watches everything that leaves a worker. `has_failed_owner` says whether a worker may be taken for dead."""

    def __init__(self, world: World, turn_seconds: float, has_failed_owner: Callable[[str], bool]) -> None:
        self._world = world
        self._turn_seconds = turn_seconds
        self._has_failed_owner = has_failed_owner
        self.turns: dict[str, Accepted] = {}
        self.rows: dict[str, TurnRow] = {}
        self.log: RequestLog | None = None
        self.notices: list[bytes] = []
        self.stopped: set[str] = set()
        self._claims: dict[tuple[str, int], str | None] = {}
        self._newest_claim: dict[tuple[str, str], tuple[str, int]] = {}
        self._frames: dict[int, AnyTurnFrame] = {}

    def name_of(self, turn_id: str) -> str:
        return self.turns[turn_id].name if turn_id in self.turns else "?"

    def accept(self, turn_id: str, send: Send) -> None:
        view = TurnView(conversation_id=send.conversation_id, turn_id=turn_id)
        self.turns.setdefault(turn_id, Accepted(turn_id, f"t{len(self.turns)}", send, view))

    def bug(self, what: str) -> None:
        self._world.bugs.append(what)

    # The store

    def on_write(self, before: TurnRow | None, row: TurnRow) -> None:
        name = self.name_of(row.turn_id)
        if before is not None and before.is_ended:
            self.bug(f"{name}: the row had its end and was written again")
        attempt_before = before.attempt if before else 0
        if row.attempt > attempt_before:
            self._see_claim(before, row)
        elif row.attempt < attempt_before:
            self.bug(f"{name}: attempt {row.attempt} wrote over attempt {attempt_before}")
        elif row.finish is None and row.owner is None and before is not None and before.owner is not None:
            self.turns[row.turn_id].releases += 1
            self._world.seen["released"] += 1
        if row.finish is not None:
            self._see_end(before, row)

    def _see_claim(self, before: TurnRow | None, row: TurnRow) -> None:
        turn, owner = self.turns[row.turn_id], row.owner
        self._claims[row.turn_id, row.attempt] = owner
        if owner is not None:
            self._newest_claim[owner, row.conversation_id] = (row.turn_id, row.attempt)
        if row.attempt > 1:
            self._world.seen["takeovers"] += 1
        if before is not None and before.owner not in (None, owner) and not self._may_be_taken(before):
            self.bug(f"{turn.name}: taken from a live owner")
        for earlier in self._before(turn):
            if (known := self.rows.get(earlier.turn_id)) is None or not known.is_ended:
                self.bug(f"{turn.name}: claimed before {earlier.name} ended")

    def _may_be_taken(self, row: TurnRow) -> bool:
        assert row.owner is not None
        age_seconds = self._world.now - (row.first_claimed_at_ms or 0) / 1000
        return self._has_failed_owner(row.owner) or age_seconds > self._turn_seconds + PATIENCE_SECONDS

    def _before(self, turn: Accepted) -> list[Accepted]:
        same = [each for each in self.turns.values() if each.send.conversation == turn.send.conversation]
        return same[: same.index(turn)]

    def _see_end(self, before: TurnRow | None, row: TurnRow) -> None:
        assert row.finish is not None
        self._world.seen[f"ended {row.finish.status}"] += 1
        if row.finish.code is not None:
            self._world.seen[f"failed {row.finish.code}"] += 1
        if before is not None and before.stop and row.finish.status is not TurnStatus.STOPPED:
            self.bug(f"{self.name_of(row.turn_id)}: a stop was asked, and it ended {row.finish.status}")

    # The model

    def on_ask(self, owner_id: str, conversation_id: str) -> None:
        turn_id, attempt = self._newest_claim[owner_id, conversation_id]
        turn = self.turns[turn_id]
        turn.asked.add(attempt)
        if attempt - turn.releases > claiming.MAX_ATTEMPTS:
            self.bug(f"{turn.name}: attempt {attempt} asked a model, {turn.releases} were released")

    # The topics

    def on_submit(self, owner: Any, record: Record) -> None:
        if record.topic != REPLIES.name:
            return
        frame = codec.decode_server_frame(record.value)
        if not isinstance(frame, TurnFrame):
            return
        self._frames[id(record)] = frame
        turn_id, attempt = frame.turn_id, attempt_of(frame.seq)
        if isinstance(frame, Completed | Stopped | Failed):
            self._check_end_frame(frame, record.value)
        elif self._claims.get((turn_id, attempt), "nobody") != owner.worker_id:
            self.bug(f"{self.name_of(turn_id)}: a frame of attempt {attempt} without its claim")

    def _check_end_frame(self, frame: AnyTurnFrame, value: bytes) -> None:
        row = self.rows.get(frame.turn_id)
        if row is None or row.finish is None:
            self.bug(f"{self.name_of(frame.turn_id)}: an end was published before it was stored")
        elif row.finish.terminal_frame != value:
            self.bug(f"{self.name_of(frame.turn_id)}: two ends were published")

    def on_record(self, owner: Any, record: Record) -> None:
        if record.topic == REPLIES.name and id(record) in self._frames:
            self._show(self._frames[id(record)])
        elif record.topic == USAGE.name:
            self._see_bill(record.value)
        elif record.topic == CONTROL.name:
            self.notices.append(record.value)

    def _show(self, frame: AnyTurnFrame) -> None:
        """To a client that sees every frame which the broker has."""
        turn = self.turns[frame.turn_id]
        if apply(turn.view, frame) is Applied.HOLE:
            self.bug(f"{turn.name}: a hole before {frame.seq}, after {turn.view.seq}")
        elif turn.view.has_ended:
            self._compare(turn)

    def _compare(self, turn: Accepted) -> None:
        finish = self.rows[turn.turn_id].finish
        if finish is None or (turn.view.answer, turn.view.status) != (finish.text, finish.status):
            self.bug(f"{turn.name}: shown is not what is stored")

    def _see_bill(self, value: bytes) -> None:
        bill = codec.decode_usage(value)
        if self.turns[bill.turn_id].bills.setdefault(bill.attempt, value) != value:
            self.bug(f"{self.name_of(bill.turn_id)}: two bills for attempt {bill.attempt}")

    def on_commit(self, partition: int, position: int) -> None:
        assert self.log is not None
        for record in self.log.records[partition][:position]:
            row = self.rows.get(record.turn_id)
            if row is None or not row.is_ended:
                self.bug(f"{self.name_of(record.turn_id)}: committed without an end")

    # The end

    def at_the_end(self) -> None:
        """When nothing more can happen."""
        assert self.log is not None
        for turn in self.turns.values():
            self._check_ended(turn)
        if self.log.committed != [len(records) for records in self.log.records]:
            self.bug(f"committed only {self.log.committed}")
        self._check_order()

    def _check_ended(self, turn: Accepted) -> None:
        row = self.rows.get(turn.turn_id)
        if row is None or row.finish is None:
            return self.bug(f"{turn.name}: lost, no end is stored")
        if not turn.view.has_ended:
            return self.bug(f"{turn.name}: its end is stored, and nobody was shown it")
        self._compare(turn)
        if set(turn.bills) != set(row.usage_by_attempt):
            self.bug(f"{turn.name}: bills of {sorted(turn.bills)}, usage of {sorted(row.usage_by_attempt)}")
        if max(turn.asked, default=0) not in {0, *turn.bills}:
            self.bug(f"{turn.name}: attempt {max(turn.asked)} asked a model and has no bill")
        if row.finish.status is TurnStatus.STOPPED and not (turn.turn_id in self.stopped or self._is_interrupted(turn)):
            self.bug(f"{turn.name}: stopped, and nobody asked for that")

    def _is_interrupted(self, turn: Accepted) -> bool:
        same = [each for each in self.turns.values() if each.send.conversation == turn.send.conversation]
        return any(each.send.interrupts for each in same[same.index(turn) + 1 :])

    def _check_order(self) -> None:
        """Each question follows the answer before it."""
        leaves: dict[str, str | None] = {}
        for turn in self.turns.values():
            row = self.rows.get(turn.turn_id)
            if row is None or row.question is None:
                continue
            leaf = leaves.get(row.conversation_id)
            if row.question.parent_id != leaf:
                self.bug(f"{turn.name}: does not go on from the answer before it")
            leaves[row.conversation_id] = row.answer_id

    def count_unbilled(self) -> Counter[str]:
        """Attempts that asked a model and have no bill."""
        return Counter({turn.name: len(turn.asked - set(turn.bills)) for turn in self.turns.values()})
