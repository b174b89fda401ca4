"""A TCP proxy on loopback that can cut or freeze what passes through it.

A Kafka client learns the broker's own port from its metadata and would go around a proxy. So the proxy takes the port
that the client was told, in answers: every 4-byte big-endian broker port in the bytes from the broker is replaced by
the proxy's own. The embedded broker answers metadata in one piece, and its port is no common byte sequence.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class TcpProxy:
    """`cut()` resets all connections once; while `is_frozen`, bytes wait in both directions."""

    def __init__(self, target: str) -> None:
        self._host, port = target.rsplit(":", 1)
        self._target_port = int(port)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self.address = ""
        self.connections = 0

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it ends at both sides; `close` waits for it."""
        passing = asyncio.create_task(self._pass(reader, writer))
        self._passing.add(passing)
        passing.add_done_callback(self._passing.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        far_reader, far_writer = await asyncio.open_connection(self._host, self._target_port)
        self._writers.add(far_writer)
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer, rewrite=True))

    async def close(self) -> None:
        self.cut()
        for passing in self._passing:
            passing.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rewrite: bool = False) -> None:
        own_port = int(self.address.rsplit(":", 1)[1])
        try:
            while data := await reader.read(65_536):
                await self._flowing.wait()
                if rewrite:
                    data = data.replace(self._target_port.to_bytes(4, "big"), own_port.to_bytes(4, "big"))
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def tcp_proxy(target: str, port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[TcpProxy]:
    """A proxy to `target` ("host:port"); its own address is `address`."""
    proxy = TcpProxy(target)
    server = await asyncio.start_server(proxy.accept, host, port)
    proxy.address = f"{host}:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
