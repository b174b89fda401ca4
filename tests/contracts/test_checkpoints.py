"""Checkpoints, on every store."""

import pytest

from schemas.ids import new_id, seq_of
from store.rows import Checkpoint
from tests.contracts.conftest import Store
from tests.contracts.deadlines import eventually


def checkpoint(attempt: int, n: int, text: str = "so far") -> Checkpoint:
    return Checkpoint(attempt=attempt, seq=seq_of(attempt, n), text=text, model="fast")


async def test_a_turn_without_checkpoints_has_none(store: Store) -> None:
    assert await store.checkpoints.newest(new_id()) is None


async def test_the_newest_checkpoint_is_the_last_one_saved(store: Store) -> None:
    turn_id = new_id()
    await store.checkpoints.save(turn_id, checkpoint(1, 3, "so"))
    await store.checkpoints.save(turn_id, checkpoint(1, 9, "so far"))
    assert await store.checkpoints.newest(turn_id) == checkpoint(1, 9, "so far")


async def test_a_higher_attempt_replaces_a_longer_text_of_a_lower_one(store: Store) -> None:
    turn_id = new_id()
    await store.checkpoints.save(turn_id, checkpoint(1, 900))
    await store.checkpoints.save(turn_id, checkpoint(2, 1, ""))
    assert await store.checkpoints.newest(turn_id) == checkpoint(2, 1, "")


async def test_a_lower_attempt_never_overwrites_a_higher_one(store: Store) -> None:
    turn_id = new_id()
    await store.checkpoints.save(turn_id, checkpoint(2, 1))
    await store.checkpoints.save(turn_id, checkpoint(1, 900))
    assert await store.checkpoints.newest(turn_id) == checkpoint(2, 1)


async def test_a_late_save_of_the_same_attempt_does_not_shorten_the_text(store: Store) -> None:
    turn_id = new_id()
    await store.checkpoints.save(turn_id, checkpoint(1, 9, "so far"))
    await store.checkpoints.save(turn_id, checkpoint(1, 3, "so"))
    assert await store.checkpoints.newest(turn_id) == checkpoint(1, 9, "so far")


async def test_checkpoints_of_other_turns_are_not_mixed_up(store: Store) -> None:
    one, other = new_id(), new_id()
    await store.checkpoints.save(one, checkpoint(1, 1, "one"))
    await store.checkpoints.save(other, checkpoint(3, 1, "other"))
    assert await store.checkpoints.newest(one) == checkpoint(1, 1, "one")


@pytest.mark.parametrize("text", ["", "नमस्ते 👩‍👩‍👧", "\x00", "x" * 1_000_000])
async def test_any_unicode_text_is_kept_to_the_letter(store: Store, text: str) -> None:
    turn_id = new_id()
    await store.checkpoints.save(turn_id, checkpoint(1, 1, text))
    assert await store.checkpoints.newest(turn_id) == checkpoint(1, 1, text)


async def test_an_expired_checkpoint_is_gone_and_no_longer_stands_in_a_lower_attempts_way(
    forgetful_store: Store,
) -> None:
    checkpoints, turn_id = forgetful_store.checkpoints, new_id()

    async def is_gone() -> bool:
        return await checkpoints.newest(turn_id) is None

    async def a_lower_attempt_is_kept() -> bool:
        await checkpoints.save(turn_id, checkpoint(1, 1))
        return await checkpoints.newest(turn_id) == checkpoint(1, 1)

    await checkpoints.save(turn_id, checkpoint(2, 1))
    await eventually(is_gone)
    await eventually(a_lower_attempt_is_kept)
