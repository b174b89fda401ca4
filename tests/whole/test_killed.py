"""G1, G2, G4: `kill -9` of the whole embedded process in the middle of answers, then a start on the same folder."""

import asyncio
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path

import pytest

from infra.practice_provider.words import answer_tokens, seed_of
from samvad_client import TurnHandle, TurnView
from tests.whole.people import Person, assert_seen_is_stored, person
from tests.whole.processes import free_port, server

PEOPLE = 12
STEADY_WORDS, CHECKPOINTED_WORDS = 320, 120
"""Two seconds of an answer with 50 words a second, and some; of so many words in all."""


async def _until_begun(handle: TurnHandle, words: int = 3) -> None:
    async for view in handle:
        if len(view.answer.split()) > words:
            return


@pytest.mark.timeout(120)
async def test_every_accepted_turn_ends_once_from_what_was_kept_of_it_and_clients_go_on_by_themselves(
    tmp_path: Path, models: Path
) -> None:
    port = str(free_port())
    async with AsyncExitStack() as stack:
        with server(tmp_path, models, SAMVAD_PORT=port) as first:
            asha, *people = [
                await stack.enter_async_context(person(first.said["edge"], f"p{n}")) for n in range(1 + PEOPLE)
            ]
            long_answer = asha.client.ask(asha.conversation_id, "tell me", "steady")
            await _until_begun(long_answer, words=CHECKPOINTED_WORDS)
            handles = [p.client.ask(p.conversation_id, "tell me", "slow") for p in people]
            waiting = [p.client.ask(p.conversation_id, "and then?", "fast") for p in people]
            await asyncio.gather(*map(_until_begun, handles))
            begun = long_answer.view.answer
            first.kill()
        with server(tmp_path, models, SAMVAD_PORT=port):
            ended = await asyncio.gather(*(handle.ended() for handle in handles))
            queued = await asyncio.gather(*(handle.ended() for handle in waiting))
            for someone, first_turn, second_turn in zip(people, ended, queued, strict=True):
                await _assert_one_end_each(someone, first_turn, second_turn)
            assert {turn.attempt for turn in ended} == {2}
            await _assert_went_on_from_what_was_kept(asha, begun, await long_answer.ended())


async def _assert_went_on_from_what_was_kept(asha: Person, begun: str, ended: TurnView) -> None:
    """And not from its beginning, which would be another text."""
    seed = seed_of(begun)
    assert seed is not None
    assert (ended.attempt, ended.answer) == (2, "".join(islice(answer_tokens(seed), STEADY_WORDS)))
    await assert_seen_is_stored(asha, [ended])


async def _assert_one_end_each(someone: Person, *turns: TurnView) -> None:
    await assert_seen_is_stored(someone, list(turns))
    assert [str(turn.status) for turn in turns] == ["completed", "completed"]
