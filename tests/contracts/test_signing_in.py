"""Users, sign-ins, tickets and API keys, on every store."""

import asyncio
import time

from schemas.ids import new_id
from schemas.roles import Role
from store.sign_in_rows import ApiKeyRow, Rotation, SignInRow, UserChange, UserRow
from tests.contracts.conftest import Store

HOUR_MS = 3_600_000


def a_user(**fields: object) -> UserRow:
    row = {"user_id": new_id(), "name": f"asha {new_id()}", "password_hash": "$argon2id$x", "created_at_ms": 7}
    return UserRow(**(row | fields))


def a_sign_in(**fields: object) -> SignInRow:
    now_ms = int(time.time() * 1000)
    row = {"sign_in_id": new_id(), "user_id": new_id(), "role": Role.ADMIN, "generation": "g1"}
    times = {"created_at_ms": now_ms, "expires_at_ms": now_ms + HOUR_MS}
    return SignInRow(**(row | times | fields))


def a_key(user_id: str, **fields: object) -> ApiKeyRow:
    row = {"user_id": user_id, "key_id": new_id(), "key_hash": "abc", "name": "Backup", "last_four": "wxyz"}
    return ApiKeyRow(**(row | {"created_at_ms": 3} | fields))


async def rotate(store: Store, row: SignInRow, old_hash: str, new_hash: str, at_ms: int) -> bool:
    rotation = Rotation(old_hash=old_hash, new_hash=new_hash, at_ms=at_ms)
    return await store.sign_ins.rotate(row.sign_in_id, rotation, row.expires_at_ms)


async def test_an_account_is_made_once_and_comes_back_as_it_was(store: Store) -> None:
    user = a_user(role=Role.ADMIN, disabled=True, generation="g")
    assert await store.users.add(user)
    assert not await store.users.add(a_user(user_id=user.user_id, name="another"))
    for read in (store.users.get, store.users.get_now):
        assert await read(user.user_id) == user
        assert await read(new_id()) is None


async def test_of_two_who_make_an_account_at_once_one_does(store: Store) -> None:
    user = a_user()
    assert sorted(await asyncio.gather(*(store.users.add(user) for _ in range(4)))) == [False, False, False, True]


async def test_a_change_leaves_the_rest_as_it_is(store: Store) -> None:
    user = a_user()
    await store.users.add(user)
    assert await store.users.change(user.user_id, UserChange(role=Role.ADMIN, generation="g2"))
    assert await store.users.change(user.user_id, UserChange(disabled=True))
    found = await store.users.get(user.user_id)
    assert found is not None
    assert (found.role, found.disabled, found.generation) == (Role.ADMIN, True, "g2")
    assert (found.name, found.password_hash) == (user.name, user.password_hash)
    assert await store.users.change(user.user_id, UserChange(disabled=False, password_hash="new"))
    again = await store.users.get(user.user_id)
    assert again is not None and not again.disabled and again.password_hash == "new"


async def test_who_has_no_account_has_a_generation_and_is_no_account(store: Store) -> None:
    user_id = new_id()
    assert not await store.users.change(user_id, UserChange(disabled=True))
    assert await store.users.get(user_id) is None
    for generation in ("g1", "g1", "g2"):
        await store.users.renew_generation(user_id, generation)
    assert await store.users.get(user_id) == UserRow(user_id=user_id, generation="g2")
    assert not await store.users.change(user_id, UserChange(disabled=True))
    assert user_id not in [row.user_id for row in await store.users.accounts(1000)]


async def test_an_accounts_generation_changes_and_nothing_else_of_it(store: Store) -> None:
    user = a_user()
    await store.users.add(user)
    await store.users.renew_generation(user.user_id, "g9")
    found = await store.users.get(user.user_id)
    assert found is not None and (found.generation, found.name) == ("g9", user.name)


async def test_accounts_come_by_pages_each_once(store: Store) -> None:
    added = [a_user() for _ in range(5)]
    for user in added:
        await store.users.add(user)
    for _ in range(3):
        await store.users.renew_generation(new_id(), "g")
    found, after = list[UserRow](), None
    while page := await store.users.accounts(2, after):
        assert len(page) <= 2
        found += page
        after = page[-1].user_id
    ids = [row.user_id for row in found]
    assert len(ids) == len(set(ids))
    assert {user.user_id for user in added} <= set(ids)


async def test_a_sign_in_comes_back_as_it_was_until_it_is_ended(store: Store) -> None:
    browser, program = a_sign_in(), a_sign_in(refresh_hash="r1", role=Role.USER)
    for row in (browser, program):
        await store.sign_ins.begin(row)
        assert await store.sign_ins.get(row.sign_in_id) == row
    for _ in range(2):
        await store.sign_ins.end(browser.sign_in_id, browser.expires_at_ms)
    ended = await store.sign_ins.get(browser.sign_in_id)
    assert ended is not None and ended.ended
    still = await store.sign_ins.get(program.sign_in_id)
    assert still is not None and not still.ended


async def test_an_expired_or_unknown_sign_in_is_none_and_ending_it_changes_nothing(store: Store) -> None:
    expired = a_sign_in(expires_at_ms=int(time.time() * 1000) - 1)
    await store.sign_ins.begin(expired)
    assert await store.sign_ins.get(expired.sign_in_id) is None
    unknown = new_id()
    await store.sign_ins.end(unknown, expired.expires_at_ms + HOUR_MS)
    assert await store.sign_ins.get(unknown) is None


async def test_a_refresh_token_is_replaced_by_its_own_holder_only(store: Store) -> None:
    row = a_sign_in(refresh_hash="r1")
    await store.sign_ins.begin(row)
    for old, new, at_ms, is_replaced in (("x", "r2", 4, False), ("r1", "r2", 5, True), ("r1", "r3", 6, False)):
        assert await rotate(store, row, old, new, at_ms) == is_replaced
    for read in (store.sign_ins.get, store.sign_ins.get_now):
        found = await read(row.sign_in_id)
        assert found is not None and (found.refresh_hash, found.rotated_at_ms) == ("r2", 5)
        assert found.user_id == row.user_id
    await store.sign_ins.end(row.sign_in_id, row.expires_at_ms)
    assert not await rotate(store, row, "r2", "r3", 7)
    ended = await store.sign_ins.get_now(row.sign_in_id)
    assert ended is not None and ended.ended and await store.sign_ins.get_now(new_id()) is None


async def test_of_two_who_use_a_refresh_token_at_once_one_gets_on(store: Store) -> None:
    row = a_sign_in(refresh_hash="r1")
    await store.sign_ins.begin(row)
    rotations = await asyncio.gather(*(rotate(store, row, "r1", f"n{n}", n) for n in range(4)))
    assert sorted(rotations) == [False, False, False, True]
    found, winner = await store.sign_ins.get_now(row.sign_in_id), rotations.index(True)
    assert found is not None and (found.refresh_hash, found.rotated_at_ms) == (f"n{winner}", winner)


async def test_a_ticket_is_used_once_whoever_tries(store: Store) -> None:
    ticket, other = new_id(), new_id()
    use = store.used_tickets.use
    used = await asyncio.gather(*(use(ticket, f"nonce {n}", 60) for n in range(4)))
    assert sorted(used) == [False, False, False, True]
    assert await use(other, "nonce 0", 60)
    assert not await use(ticket, "later", 60)


async def test_who_asks_again_whether_a_ticket_was_used_by_it_is_told_so(store: Store) -> None:
    ticket, use = new_id(), store.used_tickets.use
    assert [await use(ticket, nonce, 60) for nonce in ("mine", "other", "mine")] == [True, False, True]


async def test_keys_are_their_users_and_gone_once_removed(store: Store) -> None:
    user_id, other = new_id(), new_id()
    keys = sorted((a_key(user_id) for _ in range(3)), key=lambda key: key.key_id)
    for key in keys:
        await store.api_keys.add(key)
    assert await store.api_keys.of_user(user_id) == keys
    assert await store.api_keys.of_user(other) == []
    assert await store.api_keys.get(user_id, keys[0].key_id) == keys[0]
    assert await store.api_keys.get(other, keys[0].key_id) is None
    await store.api_keys.remove(other, keys[0].key_id)
    assert len(await store.api_keys.of_user(user_id)) == 3
    for _ in range(2):
        await store.api_keys.remove(user_id, keys[0].key_id)
    assert await store.api_keys.get(user_id, keys[0].key_id) is None
    assert await store.api_keys.of_user(user_id) == keys[1:]


async def test_a_keys_last_use_is_noted_and_does_not_bring_a_removed_one_back(store: Store) -> None:
    user_id = new_id()
    key = a_key(user_id)
    await store.api_keys.add(key)
    await store.api_keys.used(user_id, key.key_id, 99)
    found = await store.api_keys.get(user_id, key.key_id)
    assert found is not None and found.used_at_ms == 99
    await store.api_keys.remove(user_id, key.key_id)
    await store.api_keys.used(user_id, key.key_id, 100)
    assert await store.api_keys.get(user_id, key.key_id) is None
    assert await store.api_keys.of_user(user_id) == []
