"""What is remembered of sign-ins: a notice voids what it is about, also while the store is asked, and nothing else."""

import pytest

from ws_edge.sign_in import Identity, SignInUnavailable
from ws_edge.signing_in import lately_checked
from ws_edge.signing_in.lately_checked import LatelyChecked

ASHA = Identity("asha", 1e12)


class Store:
    """Answers with Asha; `meanwhile` comes in while it is asked."""

    def __init__(self, lately: LatelyChecked, *meanwhile: str) -> None:
        self.asked = 0
        self._lately = lately
        self._meanwhile = list(meanwhile)

    async def read(self) -> Identity:
        self.asked += 1
        if self._meanwhile:
            self._lately.forget(self._meanwhile.pop(0))
        return ASHA


def lately() -> LatelyChecked:
    return LatelyChecked(lambda: 0.0)


async def test_an_answer_is_good_for_a_while_and_until_a_notice_of_its_user() -> None:
    checked = lately()
    store = Store(checked)
    for _ in range(3):
        assert await checked.identity("key", 5, store.read) == ASHA
    checked.forget("ravi")
    await checked.identity("key", 5, store.read)
    assert store.asked == 1
    checked.forget("asha")
    await checked.identity("key", 5, store.read)
    assert store.asked == 2


async def test_an_answer_during_which_a_notice_of_its_user_came_is_asked_for_again() -> None:
    checked = lately()
    store = Store(checked, "asha")
    assert await checked.identity("key", 5, store.read) == ASHA
    assert store.asked == 2


async def test_others_who_sign_out_again_and_again_hold_up_nobody() -> None:
    checked = lately()
    store = Store(checked, *["ravi"] * 100)
    assert await checked.identity("key", 5, store.read) == ASHA
    assert store.asked == 1


async def test_a_user_who_does_so_is_told_that_nothing_can_be_told() -> None:
    checked = lately()
    with pytest.raises(SignInUnavailable):
        await checked.identity("key", 5, Store(checked, *["asha"] * 100).read)


async def test_what_is_forgotten_for_want_of_room_is_never_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lately_checked, "MAX_REMEMBERED", 2)
    checked = lately()

    async def read() -> Identity:
        store.asked += 1
        if store.asked == 1:
            for user_id in ("asha", "a", "b", "c"):
                checked.forget(user_id)
        return ASHA

    store = Store(checked)
    await checked.identity("key", 5, read)
    assert store.asked == 2
    for number in range(5):
        await checked.identity(f"key {number}", 5, read)
    await checked.identity("key", 5, read)
    assert store.asked == 8
