"""A TCP proxy on loopback that can cut or freeze what passes through it.

A Kafka client learns the brokers' own ports from their metadata and would go around a proxy. So the proxy gives them
its own: where the bytes from a broker name a host of theirs, followed by their port in 4 bytes (which no text does),
the port is replaced. Several brokers on one port, each with a host of its own, want a proxy each, all on one port.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

READ_BYTES = 65_536
PORT_BYTES = 4


class TcpProxy:
    """`cut()` resets all connections once; while `is_frozen`, bytes wait in both directions."""

    def __init__(self, target: str, hosts: tuple[str, ...] = ()) -> None:
        self._host, port = target.rsplit(":", 1)
        self._target_port = int(port)
        self._hosts = hosts or (self._host,)
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
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._target_port)
        except OSError:  # the target is down: so is the way to it
            writer.transport.abort()
            return
        self._writers.add(far_writer)
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer, rewrite=True))

    async def close(self) -> None:
        self.cut()
        for passing in self._passing:
            passing.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rewrite: bool = False) -> None:
        try:
            while data := await reader.read(READ_BYTES):
                await self._flowing.wait()
                if writer.is_closing():
                    break
                writer.write(self._rewritten(data) if rewrite else data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()

    def _rewritten(self, data: bytes) -> bytes:
        theirs = self._target_port.to_bytes(PORT_BYTES, "big")
        ours = int(self.address.rsplit(":", 1)[1]).to_bytes(PORT_BYTES, "big")
        for host in self._hosts:
            data = data.replace(host.encode() + theirs, host.encode() + ours)
        return data


@asynccontextmanager
async def tcp_proxy(
    target: str, port: int = 0, host: str = "127.0.0.1", hosts: tuple[str, ...] = ()
) -> AsyncIterator[TcpProxy]:
    """A proxy to `target` ("host:port"); its own address is `address`. `hosts`: of all brokers; default its own."""
    proxy = TcpProxy(target, hosts)
    server = await asyncio.start_server(proxy.accept, host, port)
    proxy.address = f"{host}:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
