"""G1, G2, G4: `kill -9` of the whole embedded process in the middle of answers, then a start on the same folder."""

import asyncio
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path

import pytest

from infra.practice_provider.words import answer_tokens, seed_of
from samvad_client import TurnHandle
from tests.whole.people import Person, assert_seen_is_stored, person
from tests.whole.processes import free_port, server

PEOPLE = 12
CHECKPOINTED_WORDS = 120
"""Two seconds of an answer with 50 words a second, and some."""


async def _until_begun(handle: TurnHandle, words: int = 3) -> None:
    async for view in handle:
        if len(view.answer.split()) > words:
            return


@pytest.mark.timeout(120)
async def test_every_accepted_turn_ends_once_and_clients_go_on_by_themselves(tmp_path: Path, models: Path) -> None:
    port = str(free_port())
    async with AsyncExitStack() as stack:
        with server(tmp_path, models, SAMVAD_PORT=port) as first:
            people = [await stack.enter_async_context(person(first.said["edge"], f"p{n}")) for n in range(PEOPLE)]
            handles = [p.client.ask(p.conversation_id, "tell me", "slow") for p in people]
            waiting = [p.client.ask(p.conversation_id, "and then?", "fast") for p in people]
            await asyncio.gather(*map(_until_begun, handles))
            first.kill()
        with server(tmp_path, models, SAMVAD_PORT=port):
            ended = await asyncio.gather(*(handle.ended() for handle in handles))
            queued = await asyncio.gather(*(handle.ended() for handle in waiting))
            for someone, first_turn, second_turn in zip(people, ended, queued, strict=True):
                await _assert_one_end_each(someone, first_turn, second_turn)
            assert {turn.attempt for turn in ended} == {2}


@pytest.mark.timeout(60)
async def test_an_answer_goes_on_from_what_was_kept_of_it_and_not_from_its_beginning(
    tmp_path: Path, models: Path
) -> None:
    port = str(free_port())
    async with AsyncExitStack() as stack:
        with server(tmp_path, models, SAMVAD_PORT=port) as first:
            someone = await stack.enter_async_context(person(first.said["edge"], "asha"))
            handle = someone.client.ask(someone.conversation_id, "tell me", "steady")
            await _until_begun(handle, words=CHECKPOINTED_WORDS)
            begun = handle.view.answer
            first.kill()
        with server(tmp_path, models, SAMVAD_PORT=port):
            ended = await handle.ended()
            seed = seed_of(begun)
            assert seed is not None
            assert (ended.attempt, ended.answer) == (2, "".join(islice(answer_tokens(seed), 160)))
            await assert_seen_is_stored(someone, [ended])


async def _assert_one_end_each(someone: Person, *turns) -> None:  # type: ignore[no-untyped-def]
    await assert_seen_is_stored(someone, list(turns))
    assert [str(turn.status) for turn in turns] == ["completed", "completed"]
