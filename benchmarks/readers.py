"""People who read one long answer after the other, and note when each of its frames came.

In: the edges' addresses, a model. Out: for each of them the turn that is being read, as it looks to its reader.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from benchmarks.answers import AnswerBroke
from benchmarks.polling import until
from benchmarks.reading import Reading
from samvad_client.connection import Connection, ServerSaid, open_connection
from samvad_client.rest import EdgeRest
from schemas.client_frames import Send, Unwatch
from schemas.codec import Unreadable
from schemas.frames import Completed, Delta, ErrorFrame, Failed, Rejected, TurnFrame

EVERYBODY_READS_SECONDS = 60.0


@dataclass(slots=True)
class Reader:
    """One signed-in user; `reading` is the newest turn."""

    connection: Connection
    model: str
    reading: Reading = field(default_factory=Reading)

    async def read_on(self) -> None:
        """Asks again whenever an answer has ended. Raises AnswerBroke when one fails."""
        while True:
            conversation_id = uuid.uuid4()
            self.reading = Reading()
            await self.connection.send(Send(uuid.uuid4(), conversation_id, "Tell me something long.", self.model))
            while not self.reading.has_ended:
                self._hear(await self.connection.receive())
            await self.connection.send(Unwatch(conversation_id))

    def _hear(self, said: ServerSaid) -> None:
        if isinstance(said, Failed | Rejected | ErrorFrame | Unreadable):
            raise AnswerBroke(repr(said))
        if isinstance(said, TurnFrame):
            self.reading.note(time.monotonic(), said.seq, is_text=isinstance(said, Delta))
        self.reading.has_ended = isinstance(said, Completed)


@asynccontextmanager
async def readers(edge_urls: Sequence[str], count: int, model: str) -> AsyncIterator[list[Reader]]:
    """So many users, who read while the block runs; it begins when all of them are in the middle of an answer."""
    async with AsyncExitStack() as stack:
        everybody = [await _reader(stack, edge_urls[number % len(edge_urls)], number, model) for number in range(count)]
        async with asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(reader.read_on()) for reader in everybody]
            await until_everybody_reads(everybody)
            yield everybody
            for task in reading:
                task.cancel()


async def until_everybody_reads(everybody: Sequence[Reader]) -> None:
    """Returns when each of them is in the middle of an answer."""
    await until(lambda: all(reader.reading.is_under_way for reader in everybody), EVERYBODY_READS_SECONDS)


async def _reader(stack: AsyncExitStack, edge_url: str, number: int, model: str) -> Reader:
    async with EdgeRest(edge_url) as rest:
        signed_in = await rest.sign_in(f"reader-{number}")
    connection, _ = await stack.enter_async_context(open_connection(edge_url, signed_in.token))
    return Reader(connection, model)
