"""Claims against a simulated compare-and-set store: several workers, crashes, releases, stops (DESIGN 6.3)."""

from dataclasses import dataclass, replace

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from consumers.claiming import (
    MAX_ATTEMPTS,
    Claimant,
    Ended,
    HeldByAnother,
    Take,
    decide,
    is_mine,
)
from schemas.errors import ErrorCode
from schemas.ids import new_id
from schemas.requests import Ask
from schemas.statuses import TurnStatus
from store.rows import Finish, TurnRow, released_row

ASK = Ask(
    user_id="u", conversation_id="c", turn_id="t", request_id="r", text="Why?", model="fast", accepted_at="2026-01-01"
)
FINISH = Finish(
    status=TurnStatus.COMPLETED,
    text="Because.",
    model="fast",
    terminal_frame=b"{}",
    terminal_kind="completed",
    terminal_seq=1_000_002,
    finished_at_ms=9,
)
WORKERS = st.integers(0, 2)


def a_claimant(worker_id: str = "me", now_ms: int = 1_000, dead: frozenset[str] = frozenset()) -> Claimant:
    return Claimant(
        worker_id=worker_id,
        nonce=new_id(),
        question_id=new_id(),
        answer_id=new_id(),
        now_ms=now_ms,
        turn_seconds=600,
        is_dead=dead.__contains__,
    )


@dataclass
class Worker:
    """What one worker last saw, and the claim it believes to hold. A crash gives it a new id."""

    worker_id: str
    seen: TurnRow | None = None
    claim: TurnRow | None = None


class Claims(RuleBasedStateMachine):
    """One turn's row; every worker acts on whatever it saw last, however old that is."""

    def __init__(self) -> None:
        super().__init__()
        self.row: TurnRow | None = None
        self.workers = [Worker(f"w{n}") for n in range(3)]
        self.dead: set[str] = set()
        self.claims: list[TurnRow] = []
        self.failed_takes: list[Take] = []
        self.stop_asked = False
        self.ended: TurnRow | None = None

    @rule(n=WORKERS)
    def look(self, n: int) -> None:
        self.workers[n].seen = self.row

    @rule(n=WORKERS)
    def claim(self, n: int) -> None:
        worker = self.workers[n]
        decision = decide(worker.seen, ASK, a_claimant(worker.worker_id, dead=frozenset(self.dead)))
        if isinstance(decision, Take):
            worker.seen = self.compare_and_set(decision.row, decision.expected_version) or decision.row
            if worker.seen is decision.row:
                worker.claim = decision.row
                self.note_claim(decision)

    @rule(n=WORKERS)
    def finish(self, n: int) -> None:
        claim = self.workers[n].claim
        if claim is None or self.row is None or not is_mine(self.row, claim):
            return
        self.write(n, msgspec.structs.replace(claim, owner=None, finish=FINISH))

    @rule(n=WORKERS)
    def release(self, n: int) -> None:
        claim = self.workers[n].claim
        if claim is not None:
            self.write(n, released_row(claim))

    @rule(n=WORKERS)
    def crash(self, n: int) -> None:
        self.dead.add(self.workers[n].worker_id)
        self.workers[n] = Worker(new_id())

    @rule()
    def stop(self) -> None:
        blank = TurnRow(turn_id="t", user_id="u", conversation_id="c", version=0)
        row = self.row or blank
        if row.is_ended:
            return
        expected = self.row.version if self.row else None
        assert self.compare_and_set(msgspec.structs.replace(row, version=row.version + 1, stop=True), expected) is None
        self.stop_asked = True

    @invariant()
    def attempts_strictly_increase_and_each_has_one_holder(self) -> None:
        assert [claim.attempt for claim in self.claims] == list(range(1, len(self.claims) + 1))
        assert len({claim.nonce for claim in self.claims}) == len(self.claims)

    @invariant()
    def message_ids_are_minted_once(self) -> None:
        assert len({claim.answer_id for claim in self.claims}) <= 1
        assert len({claim.question.id for claim in self.claims if claim.question}) <= 1

    @invariant()
    def an_ended_row_never_changes(self) -> None:
        if self.ended is None and self.row is not None and self.row.is_ended:
            self.ended = self.row
        assert self.ended is None or self.row == self.ended

    @invariant()
    def a_stop_is_never_lost(self) -> None:
        assert not self.stop_asked or (self.row is not None and self.row.stop)

    def note_claim(self, take: Take) -> None:
        before = self.claims[-1] if self.claims else None
        counted = (before.attempt if before else 0) - take.row.releases
        assert (take.fails_with is ErrorCode.TOO_MANY_ATTEMPTS) == (counted >= MAX_ATTEMPTS)
        assert take.stops == self.stop_asked
        assert before is None or self.was_given_up(before, take.row.owner)
        self.claims.append(take.row)

    def was_given_up(self, before: TurnRow, taker: str | None) -> bool:
        """The claim before was released, or its owner is dead, or is the taker itself."""
        return self.released_attempt == before.attempt or before.owner in self.dead or before.owner == taker

    released_attempt = 0

    def write(self, n: int, row: TurnRow) -> None:
        """Only by the holder, on the row as it stands: as `finishing` repeats a refused write of its own turn."""
        claim = self.workers[n].claim
        assert claim is not None
        if self.row is None or self.row.is_ended or not is_mine(self.row, claim) or self.row.owner is None:
            return
        row = msgspec.structs.replace(row, version=self.row.version + 1, stop=self.row.stop)
        assert self.compare_and_set(row, self.row.version) is None
        if row.finish is None:
            self.released_attempt = row.attempt

    def compare_and_set(self, row: TurnRow, expected_version: int | None) -> TurnRow | None:
        stored = self.row.version if self.row else None
        if stored != expected_version:
            return self.row
        assert row.version == (expected_version or 0) + 1
        self.row = row
        return None


TestClaims = Claims.TestCase
TestClaims.settings = settings(max_examples=200, stateful_step_count=40)


def taken(**fields: object) -> TurnRow:
    """A row that `other` holds since the millisecond 1000."""
    take = decide(None, ASK, a_claimant("other"))
    assert isinstance(take, Take)
    return msgspec.structs.replace(take.row, **fields)


def test_a_turn_without_a_row_is_taken_as_attempt_1() -> None:
    take = decide(None, ASK, a_claimant())
    assert isinstance(take, Take)
    assert (take.expected_version, take.row.version, take.row.attempt, take.row.owner) == (None, 1, 1, "me")
    assert take.row.question is not None
    assert (take.row.question.text, take.row.first_claimed_at_ms) == ("Why?", 1_000)
    assert (take.fails_with, take.stops) == (None, False)


def test_a_live_owner_is_waited_for() -> None:
    assert isinstance(decide(taken(), ASK, a_claimant()), HeldByAnother)


def test_a_live_owner_is_waited_for_until_the_turns_deadline_and_half_a_minute() -> None:
    assert isinstance(decide(taken(), ASK, a_claimant(now_ms=1_000 + 630_000)), HeldByAnother)
    take = decide(taken(), ASK, a_claimant(now_ms=1_000 + 630_001))
    assert isinstance(take, Take)
    assert (take.row.attempt, take.fails_with) == (2, ErrorCode.DEADLINE_EXCEEDED)


@pytest.mark.parametrize(
    ("row", "claimant", "reason"),
    [
        (taken(), a_claimant(dead=frozenset({"other"})), "takeover"),
        (taken(owner=None, releases=1), a_claimant(), "moved"),
        (taken(), a_claimant("other"), "takeover"),
    ],
    ids=["the owner is dead", "it was released", "it is our own"],
)
def test_what_nobody_else_holds_is_taken_with_the_next_attempt_which_says_why(
    row: TurnRow, claimant: Claimant, reason: str
) -> None:
    take = decide(row, ASK, claimant)
    assert isinstance(take, Take)
    assert (take.row.attempt, take.row.version, take.expected_version) == (2, 2, 1)
    assert take.row.answer_id == row.answer_id
    assert take.row.question == row.question
    assert (take.fails_with, take.reason) == (None, reason)


def test_an_ended_turn_is_never_taken_again() -> None:
    row = taken(finish=FINISH)
    assert decide(row, ASK, a_claimant("other")) == Ended(row)


def test_a_turn_that_a_stop_created_is_taken_only_to_stop_it() -> None:
    take = decide(TurnRow(turn_id="t", user_id="u", conversation_id="c", version=1, stop=True), ASK, a_claimant())
    assert isinstance(take, Take)
    assert (take.stops, take.row.attempt, take.row.version) == (True, 1, 2)
    assert take.row.question is not None


def test_a_sixth_attempt_only_says_that_there_were_too_many() -> None:
    dead = a_claimant(dead=frozenset({"other"}))
    fifth, sixth = decide(taken(attempt=4), ASK, dead), decide(taken(attempt=5), ASK, dead)
    assert isinstance(fifth, Take)
    assert isinstance(sixth, Take)
    assert (fifth.fails_with, sixth.fails_with) == (None, ErrorCode.TOO_MANY_ATTEMPTS)


def test_released_attempts_do_not_count() -> None:
    take = decide(taken(attempt=9, releases=5, owner=None), ASK, a_claimant())
    assert isinstance(take, Take)
    assert take.fails_with is None


def test_after_the_deadline_an_attempt_only_says_so() -> None:
    dead = a_claimant(dead=frozenset({"other"}), now_ms=1_000 + 600_001)
    late, in_time = decide(taken(), ASK, dead), decide(taken(), ASK, replace(dead, now_ms=1_000 + 600_000))
    assert isinstance(late, Take)
    assert isinstance(in_time, Take)
    assert (late.fails_with, in_time.fails_with) == (ErrorCode.DEADLINE_EXCEEDED, None)


def test_a_row_is_mine_by_nonce_and_attempt() -> None:
    row = taken()
    assert is_mine(msgspec.structs.replace(row, stop=True, version=7), row)
    assert not is_mine(msgspec.structs.replace(row, nonce="another"), row)
    assert not is_mine(msgspec.structs.replace(row, attempt=2), row)
