"""Compare-and-set, on every store, against a dict that cannot be wrong."""

import asyncio

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from schemas.ids import new_id
from store.errors import StoreError
from store.rows import TurnRow
from tests.contracts.conftest import Store
from tests.contracts.rows import a_turn

SLOTS = st.integers(0, 1)
SEEN = st.one_of(st.none(), st.integers(1, 4))


class Claims(RuleBasedStateMachine):
    """Two turns, whose rows are written on whatever version somebody may have seen."""

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.store, self.loop = store, loop
        self.blank = [a_turn(), a_turn()]
        self.model: dict[str, TurnRow] = {}

    @rule(slot=SLOTS, seen=SEEN, attempt=st.integers(0, 3))
    def write(self, slot: int, seen: int | None, attempt: int) -> None:
        row = msgspec.structs.replace(self.blank[slot], version=(seen or 0) + 1, attempt=attempt, nonce=new_id())
        stored = self.model.get(row.turn_id)
        if stored is None and seen is not None:
            with pytest.raises(StoreError):
                self.compare_and_set(row, seen)
        elif (stored.version if stored else None) == seen:
            assert self.compare_and_set(row, seen) is None
            self.model[row.turn_id] = row
        else:
            assert self.compare_and_set(row, seen) == stored

    @invariant()
    def rows_are_the_models(self) -> None:
        for row in self.blank:
            assert self.wait_for(self.store.turns.load(row.turn_id)) == self.model.get(row.turn_id)

    def compare_and_set(self, row: TurnRow, seen: int | None) -> TurnRow | None:
        return self.wait_for(self.store.turns.compare_and_set(row, seen))

    def wait_for(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout=10)


async def test_whatever_is_written_in_whatever_order_rows_change_only_from_the_version_named(store: Store) -> None:
    loop = asyncio.get_running_loop()
    few = settings(max_examples=60, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
    # In a thread: the machine is synchronous, and a store belongs to this loop.
    await asyncio.to_thread(run_state_machine_as_test, lambda: Claims(store, loop), settings=few)
