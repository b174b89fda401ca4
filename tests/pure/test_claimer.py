"""Claims and ends against a store that fails and forgets to say what it did: each happens once (DESIGN 6.7)."""

import random
from collections.abc import Iterator

import msgspec
import pytest
import stamina
from opentelemetry.trace import INVALID_SPAN

from consumers import claimer as claimer_module
from consumers.attempt import Attempt
from consumers.attempt_frames import AttemptFrames
from consumers.claimer import Claimer, ClaimerSettings
from consumers.claiming import Ended, Take
from consumers.finishing import Books, Finisher
from consumers.history import Path
from consumers.outcomes import Completed
from consumers.running_turns import RunningTurn
from consumers.slot import EndlessSlots
from schemas.control import AnyNotice, TurnTaken
from schemas.parts import Usage
from schemas.requests import Ask
from store.errors import StoreUnavailable
from store.rows import TurnRow

ASK = Ask(
    user_id="u", conversation_id="c", turn_id="t", request_id="r", text="Why?", model="fast", accepted_at="2026-01-01"
)


class UnreliableTurns:
    """One row. Calls fail by `luck`, half of the failing writes after they were done."""

    def __init__(self, luck: random.Random, faults: float = 0.5) -> None:
        self.row: TurnRow | None = None
        self._luck, self._faults = luck, faults

    async def load(self, turn_id: str) -> TurnRow | None:
        if self._luck.random() < self._faults:
            raise StoreUnavailable
        return self.row

    async def compare_and_set(self, row: TurnRow, expected_version: int | None) -> TurnRow | None:
        fails, fails_late = self._luck.random() < self._faults, self._luck.random() < 0.5
        if fails and not fails_late:
            raise StoreUnavailable
        refused = (self.row.version if self.row else None) != expected_version
        if not refused:
            self.row = row
        if fails:
            raise StoreUnavailable
        return self.row if refused else None


class Notices:
    """What the other workers were told."""

    def __init__(self) -> None:
        self.heard: list[AnyNotice] = []

    async def notify(self, notice: AnyNotice) -> None:
        self.heard.append(notice)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(claimer_module, "LOOK_AGAIN_SECONDS", 0)
    with stamina.set_testing(True, attempts=1_000):
        yield


def a_claimer(turns: UnreliableTurns, worker_id: str = "me", dead: str = "") -> Claimer:
    return Claimer(ClaimerSettings(worker_id, 600), turns, Notices(), lambda worker: worker == dead)


def an_attempt(take: Take) -> Attempt:
    frames = AttemptFrames(lambda _user, _frame: None, take.row, "fast")  # type: ignore[arg-type, return-value]
    turn = RunningTurn("t", "u", "c")
    return Attempt(ASK, turn, take, take.row, Path((), None, is_warm=False), frames, INVALID_SPAN, asked=True)


def a_finisher(turns: UnreliableTurns) -> Finisher:
    return Finisher(Books(turns, None, None, None, None))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(40))
async def test_a_claim_an_end_and_a_release_happen_once_whatever_the_store_says(seed: int) -> None:
    turns = UnreliableTurns(random.Random(seed))
    take = await a_claimer(turns).claim(ASK, EndlessSlots().lent)
    assert isinstance(take, Take)
    assert turns.row == take.row
    assert (turns.row.attempt, turns.row.version, turns.row.owner) == (1, 1, "me")
    finisher = a_finisher(turns)
    await finisher.give_back(take.row, None)
    assert turns.row is not None
    assert (turns.row.owner, turns.row.releases, turns.row.version) == (None, 1, 2)
    again = await a_claimer(turns, "another").claim(ASK, EndlessSlots().lent)
    assert isinstance(again, Take)
    assert (again.row.attempt, again.row.version) == (2, 3)
    ended = await finisher.conclude(an_attempt(again), Completed("stop", Usage(1, 2, estimated=False)))
    assert turns.row == ended
    assert isinstance(await a_claimer(turns).claim(ASK, EndlessSlots().lent), Ended)


@pytest.mark.parametrize("seed", range(20))
async def test_a_stop_that_comes_between_is_kept_by_whoever_writes_next(seed: int) -> None:
    turns = UnreliableTurns(random.Random(seed))
    take = await a_claimer(turns).claim(ASK, EndlessSlots().lent)
    assert isinstance(take, Take)
    assert turns.row is not None
    turns.row = msgspec.structs.replace(turns.row, version=turns.row.version + 1, stop=True)
    ended = await a_finisher(turns).conclude(an_attempt(take), Completed("stop", None))
    assert ended is not None
    assert turns.row == ended
    assert (ended.stop, ended.version, ended.is_ended) == (True, 3, True)


@pytest.mark.parametrize("seed", range(20))
async def test_who_lost_the_turn_neither_ends_it_nor_gives_it_back(seed: int) -> None:
    turns = UnreliableTurns(random.Random(seed))
    lost = await a_claimer(turns, "slow").claim(ASK, EndlessSlots().lent)
    taken = await a_claimer(turns, dead="slow").claim(ASK, EndlessSlots().lent)
    assert isinstance(lost, Take)
    assert isinstance(taken, Take)
    finisher = a_finisher(turns)
    assert await finisher.conclude(an_attempt(lost), Completed("stop", None)) is None
    await finisher.give_back(lost.row, None)
    assert turns.row == taken.row


async def test_a_claim_written_although_it_timed_out_takes_the_stop_that_came_after_it() -> None:
    class TimesOutOnce(UnreliableTurns):
        async def compare_and_set(self, row: TurnRow, expected_version: int | None) -> TurnRow | None:
            refused = await super().compare_and_set(row, expected_version)
            if refused is None:
                self.row = msgspec.structs.replace(row, version=row.version + 1, stop=True)
                raise StoreUnavailable
            return refused

    take = await a_claimer(TimesOutOnce(random.Random(0), faults=0)).claim(ASK, EndlessSlots().lent)
    assert isinstance(take, Take)
    assert take.stops


async def test_only_takeovers_are_announced() -> None:
    turns = UnreliableTurns(random.Random(0), faults=0)
    notices = Notices()
    claimer = Claimer(ClaimerSettings("me", 600), turns, notices, lambda worker: worker == "me")
    for _ in range(2):
        take = await claimer.claim(ASK, EndlessSlots().lent)
        assert isinstance(take, Take)
        await claimer.announce(take.row)
    assert notices.heard == [TurnTaken(turn_id="t", attempt=2)]
