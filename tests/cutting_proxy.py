"""A network that breaks: each connection goes to a random edge, and is cut after a random number of bytes.

In: edges' addresses, a random generator, how many cuts. Out: one address for all clients. Some connections are cut in
the handshake, some on the way of a question (before it arrives whole, or before `accepted` is back), most in the middle
of the frames of an answer; once all cuts are made, connections last.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from urllib.parse import urlsplit

READ_BYTES = 65_536
HANDSHAKE_BYTES = 700
"""Upgrade, `hello` and the like, in each direction."""
ANSWER_BYTES = 10_000
"""Of an answer at the most, unless the test says otherwise."""


class CuttingProxy:
    """`cuts` were made; `all_made` is set with the last."""

    def __init__(self, edges: Sequence[str], cuts: int, random: Random, answer_bytes: int) -> None:
        self.address = ""
        self.cuts = 0
        self.all_made = asyncio.Event()
        self._edges = edges
        self._wanted = cuts
        self._random = random
        self._answer_bytes = answer_bytes
        self._passing: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; `close` waits for its end."""
        passing = asyncio.create_task(self._pass(reader, writer))
        self._passing.add(passing)
        passing.add_done_callback(self._passing.discard)

    async def close(self) -> None:
        for passing in list(self._passing):
            passing.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        edge = urlsplit(self._random.choice(self._edges))
        try:
            far_reader, far_writer = await asyncio.open_connection(edge.hostname, edge.port)
        except OSError:  # that edge is down
            writer.transport.abort()
            return
        to_edge, to_client = self._lives()
        ways = [_carry(reader, far_writer, to_edge), _carry(far_reader, writer, to_client)]
        tasks = [asyncio.create_task(way) for way in ways]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if any(task.result() for task in done):
                self._count()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for each in (writer, far_writer):
                each.transport.abort()

    def _lives(self) -> tuple[int | None, int | None]:
        """How many bytes may pass to the edge and to the client; None: any number."""
        if self.cuts >= self._wanted:
            return None, None
        where, draw = self._random.random(), self._random.randint
        if where < 0.1:
            return None, draw(0, HANDSHAKE_BYTES)
        if where < 0.4:
            return draw(HANDSHAKE_BYTES // 2, 3 * HANDSHAKE_BYTES), None
        return None, draw(HANDSHAKE_BYTES, self._answer_bytes)

    def _count(self) -> None:
        self.cuts += 1
        if self.cuts >= self._wanted:
            self.all_made.set()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, life: int | None) -> bool:
    """Carries bytes until an end, or until `life` of them have arrived at the other side: then True."""
    try:
        while life != 0 and (data := await reader.read(READ_BYTES if life is None else min(life, READ_BYTES))):
            writer.write(data)
            await writer.drain()
            life = None if life is None else life - len(data)
    except OSError:
        return False
    if life == 0:
        writer.close()  # not abort: the first part of a frame arrives, and nothing comes after it
        await asyncio.wait([asyncio.ensure_future(_closed(writer))], timeout=1)
    return life == 0


async def _closed(writer: asyncio.StreamWriter) -> None:
    try:
        await writer.wait_closed()
    except OSError:
        return


@asynccontextmanager
async def cutting_proxy(
    edges: Sequence[str], cuts: int, random: Random, answer_bytes: int = ANSWER_BYTES
) -> AsyncIterator[CuttingProxy]:
    """Between clients and edges while the block runs."""
    proxy = CuttingProxy(edges, cuts, random, answer_bytes)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
