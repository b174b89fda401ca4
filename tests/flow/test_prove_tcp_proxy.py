"""The proxy that cuts a worker off: it freezes, survives a target that is away, and gives itself as the broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from infra.prove.tcp_proxy import tcp_proxy


@asynccontextmanager
async def echoing(port: int = 0) -> AsyncIterator[str]:
    """A server that gives back what it gets; its address."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", port)
    async with server:
        yield "127.0.0.1:" + str(server.sockets[0].getsockname()[1])


async def connected(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = address.split(":")
    return await asyncio.open_connection(host, int(port))


async def test_what_a_broker_says_of_its_own_address_names_the_proxy() -> None:
    async with echoing() as target, tcp_proxy(target, hosts=("127.0.0.1", "127.0.0.2")) as proxy:
        theirs, ours = (int(address.split(":")[1]).to_bytes(4, "big") for address in (target, proxy.address))
        reader, writer = await connected(proxy.address)
        writer.write(b"127.0.0.1" + theirs + b"127.0.0.2" + theirs + b"text" + theirs)
        assert await reader.readexactly(34) == b"127.0.0.1" + ours + b"127.0.0.2" + ours + b"text" + theirs
        writer.close()


async def test_while_it_is_frozen_bytes_wait() -> None:
    async with echoing() as target, tcp_proxy(target) as proxy:
        reader, writer = await connected(proxy.address)
        proxy.freeze()
        writer.write(b"hello")
        waiting = asyncio.create_task(reader.readexactly(5))
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        proxy.thaw()
        assert await waiting == b"hello"
        writer.close()


async def test_a_target_that_is_away_ends_the_connection_and_the_next_one_passes_again() -> None:
    async with echoing() as target:
        pass
    async with tcp_proxy(target) as proxy:
        assert await first_byte(proxy.address) == b""
        async with echoing(int(target.split(":")[1])):
            assert await first_byte(proxy.address) == b"h"


async def first_byte(address: str) -> bytes:
    """Of the answer to a greeting; none when the connection ends."""
    reader, writer = await connected(address)
    try:
        writer.write(b"hello")
        return await reader.read(1)
    except ConnectionError:
        return b""
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
