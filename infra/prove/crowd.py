"""The people of a proof: signed in, connected one after the other, and alive until the load is over.

In: options, the edges. Out: people who ask, and what they asked.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from infra.prove.options import ProofOptions
from infra.prove.person import Person, Surroundings
from samvad_client import EdgeRest

SECOND_DEVICE_EVERY = 5
CONNECTING_SECONDS = 0.01
"""Between two of them: a crowd that connects in one moment is another test."""


@asynccontextmanager
async def crowd(options: ProofOptions, around: Surroundings) -> AsyncIterator[list[Person]]:
    """Signed in and connecting. Raises EdgeUnreachable."""
    async with AsyncExitStack() as stack:
        rest = await stack.enter_async_context(EdgeRest(around.edges[0]))
        people = []
        for number in range(1, options.clients + 1):
            name = f"p{number}"
            user = await rest.sign_in(name)
            seed = f"{options.seed}/{name}"
            has_two_devices = number % SECOND_DEVICE_EVERY == 0
            people.append(await stack.enter_async_context(Person(user, name, around, seed, has_two_devices)))
            await asyncio.sleep(CONNECTING_SECONDS)
        yield people


@asynccontextmanager
async def living(people: list[Person]) -> AsyncIterator[None]:
    """They ask while the block runs; at its end each leaves off whatever he is about. Raises what broke one of them."""
    async with asyncio.TaskGroup() as all_of_them:
        lives = [all_of_them.create_task(person.live()) for person in people]
        yield
        for life in lives:
            life.cancel()
