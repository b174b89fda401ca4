"""Users of the system: each one a session at the edge, one question at a time, always in a new conversation.

In: the edges' addresses, model aliases. Out: `Answer`s. Of the client library only the connection is used, so that the
benchmark's own work takes as little as possible from the machine that it measures.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from benchmarks.answers import Answer, AnswerBroke
from samvad_client.connection import Connection, ServerSaid, open_connection
from samvad_client.rest import EdgeRest
from schemas.client_frames import Send, Stop, Unwatch
from schemas.codec import Unreadable
from schemas.frames import Accepted, Completed, Delta, ErrorFrame, Failed, Rejected, Snapshot, Stopped, Switched

ANSWER_SECONDS = 60.0


class Person:
    """One signed-in user."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ask(self, model: str) -> Answer:
        """Asks and reads to the end."""
        answer, conversation_id = await self._send(model)
        async with asyncio.timeout(ANSWER_SECONDS):
            while not await self._hear(answer):
                pass
        await self._connection.send(Unwatch(conversation_id))
        return answer

    async def ask_and_stop(self, model: str, after_deltas: int, pause_seconds: float) -> Answer:
        """Stops the answer some time after a delta, so that stops fall anywhere between two of them."""
        answer, conversation_id = await self._send(model)
        async with asyncio.timeout(ANSWER_SECONDS):
            while len(answer.shown_ns) < after_deltas or not answer.turn_id:
                await self._hear(answer)
            await asyncio.sleep(pause_seconds)
            answer.stop_sent_ns = time.monotonic_ns()
            await self._connection.send(Stop(uuid.UUID(answer.turn_id)))
            while not await self._hear(answer):
                pass
        await self._connection.send(Unwatch(conversation_id))
        return answer

    async def _send(self, model: str) -> tuple[Answer, uuid.UUID]:
        marker, conversation_id = uuid.uuid4().hex, uuid.uuid4()
        send = Send(uuid.uuid4(), conversation_id, f"Say something about {marker}.", model)
        answer = Answer(marker, time.monotonic_ns())
        await self._connection.send(send)
        return answer, conversation_id

    async def _hear(self, answer: Answer) -> bool:
        """Takes the next frame; True once the answer has ended."""
        said = await self._connection.receive()
        answer.frames += 1
        if isinstance(said, Delta):
            answer.shown_ns.append(time.monotonic_ns())
        elif isinstance(said, Switched):
            answer.shown_before_switch = len(answer.shown_ns)
        elif isinstance(said, Accepted):
            answer.turn_id, answer.accepted_ns = said.turn_id, time.monotonic_ns()
        return _is_end(said)


def _is_end(said: ServerSaid) -> bool:
    if isinstance(said, Failed | Rejected | ErrorFrame | Unreadable):
        raise AnswerBroke(repr(said))
    if isinstance(said, Snapshot):  # a stop may be answered from the store, before the log brings the end
        return said.status.is_terminal
    return isinstance(said, Completed | Stopped)


@asynccontextmanager
async def people(edge_urls: Sequence[str], count: int) -> AsyncIterator[list[Person]]:
    """So many users, each with a session of their own, spread evenly over the edges."""
    async with AsyncExitStack() as stack:
        yield [await _person(stack, edge_urls[number % len(edge_urls)], number) for number in range(count)]


async def _person(stack: AsyncExitStack, edge_url: str, number: int) -> Person:
    async with EdgeRest(edge_url) as rest:
        signed_in = await rest.sign_in(f"reader-{number}")
    connection, _ = await stack.enter_async_context(open_connection(edge_url, signed_in.token))
    return Person(connection)
