"""The Python client signs in for real: with a password that renews itself, with a ticket, with a key in a file."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.talk import ByName, ByPassword, ByTokenFile
from infra.talk.signed_in import SignedIn
from samvad_client import EdgeRefused, EdgeRest, SamvadClient, SignInAgain
from schemas.ids import new_id, user_id_of
from tests.flow.running_edge import Stage, stage, until
from tests.flow.signing_in import PASSWORD, accounts_of, an_account
from ws_edge.signing_in.settings import SignInSettings

ASHA = user_id_of("local", "asha")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path, desk={}) as running:
        await an_account(running, "asha")
        yield running


@pytest.fixture
async def scene_of_short_tokens(tmp_path: Path) -> AsyncIterator[Stage]:
    settings = SignInSettings(access_token_minutes=3.0 / 60)
    async with stage(tmp_path, desk={"settings": settings}) as running:
        await an_account(running, "asha")
        yield running


async def test_a_client_that_signed_in_with_a_password_stays_signed_in(scene_of_short_tokens: Stage) -> None:
    scene = scene_of_short_tokens
    async with EdgeRest(scene.running.address) as rest:
        signed_in = await rest.sign_in_with_password("Asha", PASSWORD)
        assert signed_in.user_id == ASHA
        sessions: list[bool] = []
        connected = SamvadClient(
            scene.running.address, signed_in.token, sign_in=rest.refresh, on_connection=sessions.append
        )
        async with connected as client:
            await until(lambda: sessions.count(True) == 2)  # its first token was good for three seconds
            client.ask(new_id(), "Still there?")
            await until(lambda: len(scene.requests.asked) == 1)
        assert scene.requests.asked[0].user_id == ASHA
        await rest.refresh()
        await rest.sign_out()
        with pytest.raises(SignInAgain):
            await rest.models()
        with pytest.raises(SignInAgain):
            await rest.refresh()


async def test_of_many_who_renew_at_once_one_does_and_all_have_the_token(scene: Stage) -> None:
    async with EdgeRest(scene.running.address) as rest:
        await rest.sign_in_with_password("asha", PASSWORD)
        tokens = await asyncio.gather(*(rest.refresh() for _ in range(5)))
        assert len(set(tokens)) == 1
        await rest.models()


async def test_a_wrong_password_is_told_apart_from_a_sign_in_that_ended(scene: Stage) -> None:
    async with EdgeRest(scene.running.address) as rest:
        with pytest.raises(EdgeRefused, match="name or the password") as refused:
            await rest.sign_in_with_password("asha", "wrong password")
        assert refused.value.code == "wrong_password"


async def test_somebody_who_talks_signs_in_by_password_once_and_by_ticket_ever_after(scene: Stage) -> None:
    async with EdgeRest(scene.running.address) as rest:
        person = SignedIn(rest, ByPassword("asha", PASSWORD))
        async with SamvadClient(scene.running.address, await person.sign_in(), sign_in=person.sign_in) as client:
            await client.connected.wait()
            client.drop_connection()
            await until(lambda: not client.connected.is_set())
            await client.connected.wait()
        await accounts_of(scene).disable(ASHA)
        with pytest.raises(SignInAgain):
            await person.sign_in()


async def test_a_file_has_the_token_or_key_and_is_read_again(scene: Stage, tmp_path: Path) -> None:
    file = tmp_path / "token"
    async with EdgeRest(scene.running.address) as rest:
        with pytest.raises(SignInAgain, match="can't be read"):
            await SignedIn(rest, ByTokenFile(file)).sign_in()
        file.write_text(scene.token("meera") + "\n")
        person = SignedIn(rest, ByTokenFile(file))
        await person.sign_in()
        file.write_text(scene.token("ravi"))
        assert await person.sign_in() == scene.token("ravi")
        assert (await person.call(lambda rest: rest.models())).default == "fast"


async def test_without_development_sign_in_a_name_alone_is_told_what_else_there_is(tmp_path: Path) -> None:
    async with (
        stage(tmp_path, allowed_origins="https://chat.example.org") as scene,
        EdgeRest(scene.running.address) as rest,
    ):
        with pytest.raises(SignInAgain, match="--password"):
            await SignedIn(rest, ByName("asha")).sign_in()
