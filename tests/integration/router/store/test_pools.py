"""A name that moves to another server: whoever still holds the old one, a replica now, connects anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from kombu import Connection
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NotConnected

from pointsman.router.broker.message import TRANSPORT
from pointsman.router.store import open_redis
from tests.support.redis_server import RedisServer, running_redis


class MovingName:
    """A TCP proxy that leads each new connection to the server it points to at that moment."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._passing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Yield the URL that leads to it."""
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        for source, target in ((reader, back), (there, writer)):
            task = asyncio.create_task(_copy(source, target))
            self._passing.add(task)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            target.write(data)
    finally:
        target.close()


@pytest_asyncio.fixture
async def servers(tmp_path: Path) -> AsyncIterator[list[RedisServer]]:
    """Two that know nothing of each other yet."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    # the replica is stopped first: a primary would wait for it
    with running_redis(tmp_path / "b") as second, running_redis(tmp_path / "a") as first:
        yield [first, second]


async def move(name: MovingName, first: RedisServer, second: RedisServer) -> None:
    """Point the name to the second server, and let the first become its replica."""
    name.port = second.port
    client = Redis(port=first.port)
    await client.replicaof("127.0.0.1", second.port)
    await client.aclose()


async def test_a_write_that_a_replica_refuses_reaches_the_new_primary(servers: list[RedisServer]) -> None:
    first, second = servers
    name = MovingName(first.port)
    async with name.listening() as url:
        client = open_redis(url)
        await client.set("here", "first")
        await move(name, first, second)
        await client.set("here", "second")
        await client.aclose()
    async with Redis(port=second.port, decode_responses=True) as there:
        assert await there.get("here") == "second"


async def test_celerys_connection_breaks_instead_of_failing_and_then_finds_it(servers: list[RedisServer]) -> None:
    first, second = servers
    name = MovingName(first.port)

    def push(channel: object, message: str) -> None:
        channel.client.lpush("queue", message)  # type: ignore[attr-defined] # kombu has no types

    async with name.listening() as url:
        connection = Connection(url, transport=TRANSPORT)
        channel = await asyncio.to_thread(connection.channel)
        await asyncio.to_thread(push, channel, "one")
        await move(name, first, second)
        with pytest.raises(NotConnected, match="refuses"):
            await asyncio.to_thread(push, channel, "lost")
        await asyncio.to_thread(push, channel, "two")
        await asyncio.to_thread(connection.release)
    async with Redis(port=second.port, decode_responses=True) as there:
        assert await there.lrange("queue", 0, -1) == ["two"]
