"""What a full collection has walked is out of its sight, is freed all the same, and is looked at again at a bound."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from infra.short_collections import ShortCollections, short_collections


class Thing:
    """May refer to itself."""

    itself: "Thing | None" = None


def a_circle() -> Thing:
    thing = Thing()
    thing.itself = thing
    return thing


@pytest.fixture(autouse=True)
def only_when_asked() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def some_more_than_now() -> int:
    """Whatever else is out of sight already."""
    return gc.get_freeze_count() + 100_000


def test_what_was_walked_is_out_of_sight_and_freed_when_nothing_refers_to_it() -> None:
    with short_collections():
        thing = Thing()
        gc.collect()
        assert not any(each is thing for each in gc.get_objects())
        gone = weakref.ref(thing)
        del thing
        assert gone() is None


def test_a_circle_that_is_new_is_collected_and_one_that_was_walked_waits_for_the_bound() -> None:
    bound = some_more_than_now()
    with short_collections(ShortCollections(walk_again_at=bound)):
        old = a_circle()
        gc.collect()
        old_ref, new_ref = weakref.ref(old), weakref.ref(a_circle())
        del old
        gc.collect()
        assert new_ref() is None
        assert old_ref() is not None
        kept: list[list[int]] = [[] for _ in range(bound + 1)]
        gc.collect()
        gc.collect()
        assert old_ref() is None
        assert kept


def test_what_was_freed_meanwhile_does_not_count_towards_the_bound() -> None:
    bound = some_more_than_now()
    with short_collections(ShortCollections(walk_again_at=bound)):
        old = a_circle()
        gc.collect()
        old_ref = weakref.ref(old)
        del old
        for _ in range(3):
            passing: list[list[int]] = [[] for _ in range(bound // 2 + 1)]
            gc.collect()
            del passing
        gc.collect()
        assert old_ref() is not None


def test_afterwards_the_collector_works_as_before() -> None:
    with short_collections():
        pass
    thing = Thing()
    gc.collect()
    assert any(each is thing for each in gc.get_objects())
