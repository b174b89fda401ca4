"""What is loaded once, such as LiteLLM, costs the garbage collector nothing: neither while it is loaded nor later."""

import gc

import pytest

from infra.late_door import what_is_loaded_stays


def test_nobody_looks_for_garbage_while_something_is_loaded_nor_in_it_later() -> None:
    frozen = gc.get_freeze_count()
    with what_is_loaded_stays():
        assert not gc.isenabled()
        loaded: list[list[int]] = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(loaded)


def test_garbage_is_looked_for_again_when_loading_failed() -> None:
    with pytest.raises(ImportError), what_is_loaded_stays():
        raise ImportError
    assert gc.isenabled()
