"""A question that interrupts stops what is before it in its lane, for every worker, and nothing that came after it."""

import asyncio
import random
from collections.abc import Iterator

import msgspec
import pytest
import stamina

from consumers.interrupting import Interrupter
from consumers.running_turns import Interruption, RunningTurn, RunningTurns
from producers.errors import OutcomeUnknown
from schemas.control import AnyNotice, StopAsked
from schemas.requests import Ask
from schemas.statuses import TurnStatus
from store.errors import StoreUnavailable
from store.rows import Finish, TurnRow

END = Finish(
    status=TurnStatus.COMPLETED,
    text="",
    model="fast",
    terminal_frame=b"",
    terminal_kind="completed",
    terminal_seq=1_000_001,
    finished_at_ms=0,
)


def question(turn_id: str) -> Ask:
    return Ask(
        user_id="u", conversation_id="c", turn_id=turn_id, request_id="r", text="", model="fast", accepted_at="now"
    )


def a_row(turn_id: str, **fields: object) -> TurnRow:
    return msgspec.structs.replace(TurnRow(turn_id=turn_id, user_id="u", conversation_id="c", version=1), **fields)


class Rows:
    """Turns' rows, whose store fails as often as `faults` says."""

    def __init__(self, *rows: TurnRow, faults: float = 0) -> None:
        self.rows = {row.turn_id: row for row in rows}
        self._faults, self._luck = faults, random.Random(7)

    async def load(self, turn_id: str) -> TurnRow | None:
        self._maybe_fail()
        return self.rows.get(turn_id)

    async def compare_and_set(self, row: TurnRow, expected_version: int | None) -> TurnRow | None:
        self._maybe_fail()
        there = self.rows.get(row.turn_id)
        if (there.version if there else None) != expected_version:
            return there
        self.rows[row.turn_id] = row
        return None

    @property
    def stopped(self) -> set[str]:
        return {turn_id for turn_id, row in self.rows.items() if row.stop}

    def _maybe_fail(self) -> None:
        if self._luck.random() < self._faults:
            raise StoreUnavailable


class Control:
    """`chat.control`, which fails the first so many times."""

    def __init__(self, fails: int = 0) -> None:
        self.notices: list[AnyNotice] = []
        self._fails = fails

    async def notify(self, notice: AnyNotice) -> None:
        self._fails -= 1
        if self._fails >= 0:
            raise OutcomeUnknown("no answer")
        self.notices.append(notice)


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1_000):
        yield


async def interrupt(rows: Rows, control: Control, running: RunningTurns | None = None) -> None:
    """`new` interrupts `one` and `two`."""
    interrupter = Interrupter(rows, control, running or RunningTurns())
    interrupter.begin(question("new"), [question("one"), question("two")])
    async with asyncio.timeout(5):
        await asyncio.gather(*interrupter._tasks)


async def test_all_that_is_before_it_is_marked_and_told_wherever_it_runs() -> None:
    rows, control = Rows(a_row("one", attempt=1, owner="another worker")), Control()
    await interrupt(rows, control)
    assert rows.stopped == {"one", "two"}
    assert (rows.rows["one"].owner, rows.rows["two"].attempt) == ("another worker", 0)
    assert {notice.turn_id for notice in control.notices if isinstance(notice, StopAsked)} == {"one", "two"}


async def test_what_runs_here_is_stopped_at_once() -> None:
    running, turn = RunningTurns(), RunningTurn("one", "u", "c", attempt=1)
    running.begin(turn)
    await interrupt(Rows(), Control(), running)
    assert turn.interruption is Interruption.STOPPED


async def test_what_has_ended_meanwhile_is_left_alone() -> None:
    rows, control = Rows(a_row("one", attempt=1, finish=END)), Control()
    await interrupt(rows, control)
    assert rows.stopped == {"two"}
    assert control.notices == [StopAsked(turn_id="two")]


@pytest.mark.parametrize("had_its_turn", [{"attempt": 1}, {"attempt": 1, "finish": END}], ids=["claimed", "ended"])
async def test_a_record_that_comes_again_stops_nothing_once_it_was_claimed(had_its_turn: dict[str, object]) -> None:
    rows, control = Rows(a_row("new", **had_its_turn)), Control()
    await interrupt(rows, control)
    assert (rows.stopped, control.notices) == (set(), [])


async def test_a_record_that_comes_again_before_its_turn_still_interrupts() -> None:
    rows = Rows(a_row("new", stop=True))
    await interrupt(rows, Control())
    assert rows.stopped == {"one", "two", "new"}


async def test_neither_a_store_nor_a_broker_in_trouble_keeps_it_from_stopping_all() -> None:
    rows, control = Rows(faults=0.7), Control(fails=20)
    await interrupt(rows, control)
    assert rows.stopped == {"one", "two"}
    assert len(control.notices) == 2


async def test_a_worker_that_leaves_leaves_the_rest_to_the_next_one() -> None:
    class Stuck(Rows):
        async def load(self, turn_id: str) -> TurnRow | None:
            await asyncio.Event().wait()
            return None

    interrupter = Interrupter(Stuck(), Control(), RunningTurns())
    interrupter.begin(question("new"), [question("one")])
    async with asyncio.timeout(5):
        await interrupter.close()
