"""Refresh tokens and tickets where answers get lost: good credentials stay good, and a copied one is still noticed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from store.errors import StoreUnavailable
from store.sign_in_rows import SignInRow, UserRow
from tests.flow.rest_calls import assert_error
from tests.flow.running_edge import Stage, stage
from tests.flow.signing_in import an_account, bearer, close_code_of_hello, said_hello, tokens_of
from ws_edge.clocks import Clocks
from ws_edge.signing_in.settings import SignInSettings

GRACE = SignInSettings().refresh_grace_seconds


@pytest.fixture
def now() -> list[float]:
    """Seconds since 1970 for the edge, which stand still unless a test moves them."""
    return [time.time()]


@pytest.fixture
async def scene(tmp_path: Path, now: list[float]) -> AsyncIterator[Stage]:
    clocks = Clocks(now=lambda: now[0], epoch_ms=lambda: int(now[0] * 1000))
    async with stage(tmp_path, desk={"clocks": clocks}) as running:
        await an_account(running, "asha")
        yield running


async def asks(scene: Stage, tokens: dict[str, str]) -> httpx.Response:
    async with scene.http(None) as http:
        return await http.post("/v1/sign-in/refresh", json={"refresh_token": tokens["refresh_token"]})


async def refreshed(scene: Stage, tokens: dict[str, str]) -> dict[str, str]:
    response = await asks(scene, tokens)
    assert response.status_code == 200, response.text
    found: dict[str, str] = response.json()
    return found


def name_of(tokens: dict[str, str]) -> str:
    name: str = jwt.decode(tokens["refresh_token"], options={"verify_signature": False})["jti"]
    return name


async def works(scene: Stage, tokens: dict[str, str]) -> bool:
    async with scene.http(None) as http:
        return (await http.get("/v1/session", headers=bearer(tokens["token"]))).status_code == 200


async def test_whoever_did_not_hear_the_answer_asks_again_and_gets_the_same_token(
    scene: Stage, now: list[float]
) -> None:
    first = await tokens_of(scene, "asha")
    second = await refreshed(scene, first)
    now[0] += GRACE - 1
    again = await refreshed(scene, first)
    assert name_of(again) == name_of(second) != name_of(first)
    third = await refreshed(scene, again)
    assert name_of(await refreshed(scene, second)) == name_of(third)
    assert await works(scene, second) and await works(scene, third)


async def test_after_the_grace_an_old_token_ends_the_sign_in_as_ever(scene: Stage, now: list[float]) -> None:
    first = await tokens_of(scene, "asha")
    second = await refreshed(scene, first)
    for _ in range(2):  # asking again makes the grace no longer
        now[0] += GRACE / 2 - 1
        await refreshed(scene, first)
    now[0] += 2
    assert_error(await asks(scene, first), 401, "not_authenticated")
    assert_error(await asks(scene, second), 401, "not_authenticated")
    assert not await works(scene, second)


async def test_the_one_before_the_last_ends_the_sign_in_at_once(scene: Stage) -> None:
    first = await tokens_of(scene, "asha")
    second = await refreshed(scene, first)
    third = await refreshed(scene, second)
    assert_error(await asks(scene, first), 401, "not_authenticated")
    assert_error(await asks(scene, third), 401, "not_authenticated")


async def test_without_a_grace_a_token_works_once(tmp_path: Path) -> None:
    async with stage(tmp_path, desk={"settings": SignInSettings(refresh_grace_seconds=0)}) as scene:
        await an_account(scene, "asha")
        first = await tokens_of(scene, "asha")
        await refreshed(scene, first)
        scene.passes(0.002)
        assert_error(await asks(scene, first), 401, "not_authenticated")


async def test_of_many_who_ask_at_once_all_get_the_same_newest_token(
    scene: Stage, now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    get = scene.store.users.get

    async def read_at_another_moment(user_id: str) -> UserRow | None:
        row = await get(user_id)
        now[0] += 0.1
        return row

    monkeypatch.setattr(scene.store.users, "get", read_at_another_moment)
    first = await tokens_of(scene, "asha")
    all_at_once = await asyncio.gather(*(refreshed(scene, first) for _ in range(8)))
    (newest,) = {name_of(tokens) for tokens in all_at_once}
    now[0] += GRACE + 1
    later = await refreshed(scene, all_at_once[3])
    assert name_of(later) != newest
    assert all([await works(scene, tokens) for tokens in (*all_at_once, later)])


Rotate = Callable[..., Awaitable[bool]]


def unheard(rotate: Rotate, *, is_written: bool) -> Rotate:
    """The store does not answer, and has written or not."""

    async def call(*arguments: Any) -> bool:
        if is_written:
            await rotate(*arguments)
        raise StoreUnavailable("nobody knows")

    return call


async def test_a_rotation_that_was_written_unheard_is_recognised(scene: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    first, rows = await tokens_of(scene, "asha"), scene.store.sign_ins
    with monkeypatch.context() as patch:
        patch.setattr(rows, "rotate", unheard(rows.rotate, is_written=True))
        second = await refreshed(scene, first)
    assert name_of(await refreshed(scene, second)) != name_of(second)


async def test_a_rotation_that_was_not_written_may_be_tried_again(
    scene: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, rows = await tokens_of(scene, "asha"), scene.store.sign_ins
    with monkeypatch.context() as patch:
        patch.setattr(rows, "rotate", unheard(rows.rotate, is_written=False))
        refused = await asks(scene, first)
        assert_error(refused, 503, "sign_in_unavailable")
        assert "retry-after" in refused.headers
    await refreshed(scene, await refreshed(scene, first))


async def test_an_old_token_is_not_let_in_by_a_store_that_does_not_answer(
    scene: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, rows = await tokens_of(scene, "asha"), scene.store.sign_ins
    await refreshed(scene, await refreshed(scene, first))
    monkeypatch.setattr(rows, "rotate", unheard(rows.rotate, is_written=False))
    assert_error(await asks(scene, first), 401, "not_authenticated")


FallsBehind = Callable[[dict[str, str]], Awaitable[None]]


@pytest.fixture
def falls_behind(scene: Stage, monkeypatch: pytest.MonkeyPatch) -> FallsBehind:
    """From here on plain reads show the sign-in as it is now: another datacenter's edges write on, and are not seen."""
    rows = scene.store.sign_ins
    get = rows.get

    async def stop_seeing(tokens: dict[str, str]) -> None:
        claims = jwt.decode(tokens["refresh_token"], options={"verify_signature": False})
        row = await get(claims["sid"])

        async def get_as_it_was(sign_in_id: str) -> SignInRow | None:
            return row

        async def get_now(sign_in_id: str) -> SignInRow | None:
            return await get(sign_in_id)

        monkeypatch.setattr(rows, "get", get_as_it_was)
        monkeypatch.setattr(rows, "get_now", get_now)

    return stop_seeing


async def test_an_edge_that_reads_what_was_before_takes_the_newest_token(
    scene: Stage, now: list[float], falls_behind: FallsBehind
) -> None:
    first = await tokens_of(scene, "asha")
    await falls_behind(first)
    second = await refreshed(scene, first)
    third = await refreshed(scene, second)
    assert name_of(await refreshed(scene, second)) == name_of(third)
    now[0] += GRACE + 1
    await refreshed(scene, third)


async def test_an_edge_that_reads_what_was_before_knows_a_copied_token(scene: Stage, falls_behind: FallsBehind) -> None:
    first = await tokens_of(scene, "asha")
    await falls_behind(first)
    second = await refreshed(scene, first)
    newest = await refreshed(scene, await refreshed(scene, second))
    for tokens in (second, newest):
        assert_error(await asks(scene, tokens), 401, "not_authenticated")


async def test_no_sign_in_is_ended_for_what_nobody_could_check(scene: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await tokens_of(scene, "asha")
    third = await refreshed(scene, await refreshed(scene, first))

    async def is_away(sign_in_id: str) -> SignInRow | None:
        raise StoreUnavailable("not there")

    with monkeypatch.context() as patch:
        patch.setattr(scene.store.sign_ins, "get_now", is_away)
        assert_error(await asks(scene, first), 503, "sign_in_unavailable")
    await refreshed(scene, third)


async def test_who_is_signed_out_meanwhile_gets_no_new_token(scene: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    first, rows = await tokens_of(scene, "asha"), scene.store.sign_ins

    async def too_late(sign_in_id: str, rotation: object, expires_at_ms: int) -> bool:
        await rows.end(sign_in_id, expires_at_ms)
        raise StoreUnavailable("nobody knows")

    monkeypatch.setattr(rows, "rotate", too_late)
    assert_error(await asks(scene, first), 401, "not_authenticated")


async def test_a_ticket_whose_use_was_written_unheard_opens_its_session_and_no_other(
    scene: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, rows, answers = (await tokens_of(scene, "asha"))["token"], scene.store.used_tickets, ["unheard"]
    async with scene.http(None) as http:
        tickets = [(await http.post("/v1/ws-tickets", headers=bearer(token))).json()["ticket"] for _ in range(2)]
    use = rows.use

    async def unheard_once(*arguments: Any) -> bool:
        is_first = await use(*arguments)
        if answers:
            raise StoreUnavailable(answers.pop())
        return is_first

    monkeypatch.setattr(rows, "use", unheard_once)
    await (await said_hello(scene, tickets[0])).socket.close()
    assert await close_code_of_hello(scene, tickets[0]) == 4401
    await (await said_hello(scene, tickets[1])).socket.close()
    answers.append("unheard, and it was another's")
    assert await close_code_of_hello(scene, tickets[1]) == 4401
