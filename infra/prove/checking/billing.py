"""*billing mismatch*: the bills are not what the turns cost (G5).

Exactly, for every turn:
- all records of one (turn, attempt) say the same;
- an ended turn has a record for each attempt that was claimed, from 1 on, and for no other; an open one has none;
- each record says what the turn's row says of its attempt;
- the answer in history, and a `completed` or `stopped` terminal frame, say the sum of them.
"""

from collections.abc import Iterator

from infra.prove.checking.case import Case
from infra.prove.checking.violations import Finding, Violation
from schemas import codec
from schemas.frames import Completed, Stopped
from schemas.parts import Usage
from store.rows import TurnRow


def find_billing_mismatch(case: Case) -> Iterator[Finding]:
    """At most one for each rule above."""
    billed: dict[int, Usage] = {}
    for bill in case.turn.bills:
        usage = Usage(bill.input_tokens, bill.output_tokens, bill.estimated)
        if billed.setdefault(bill.attempt, usage) != usage:
            yield _mismatch(case, f"attempt {bill.attempt} has two bills that differ")
    if case.turn.row is None or not case.turn.row.is_ended:
        if billed:
            yield _mismatch(case, "a bill, and no end")
        return
    yield from _compared(case, case.turn.row, billed)


def _compared(case: Case, row: TurnRow, billed: dict[int, Usage]) -> Iterator[Finding]:
    attempts = set(range(1, row.attempt + 1))
    if billed.keys() != attempts:
        yield _mismatch(case, f"attempts {sorted(billed)} are billed, and 1 to {row.attempt} were claimed")
    differing = [attempt for attempt, usage in billed.items() if row.usage_by_attempt.get(attempt) != usage]
    if differing:
        yield _mismatch(case, f"the bills of attempts {differing} are not what the turn's row says")
    for where, usage in _sums(case, row):
        if usage != _sum(billed):
            yield _mismatch(case, f"{where} is not the sum of the bills")


def _sums(case: Case, row: TurnRow) -> Iterator[tuple[str, Usage | None]]:
    for stored in case.turn.messages:
        if stored.message.role == "assistant":
            yield f"the usage of {stored.message.message_id}", stored.message.usage
    end = None if row.finish is None else codec.decode_turn_frame(row.finish.terminal_frame)
    if isinstance(end, Completed | Stopped):
        yield "the usage in the terminal frame", end.usage


def _sum(billed: dict[int, Usage]) -> Usage:
    usages = billed.values()
    return Usage(
        sum(usage.input_tokens for usage in usages),
        sum(usage.output_tokens for usage in usages),
        any(usage.estimated for usage in usages),
    )


def _mismatch(case: Case, detail: str) -> Finding:
    return case.finding(Violation.BILLING_MISMATCH, detail)
