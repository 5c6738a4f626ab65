"""Connections of the asyncio side, which lead to the primary: whoever answers as a replica is left at once."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import Any

import redis.exceptions as failures
from redis.asyncio import BlockingConnectionPool, Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError, ResponseError

from ..config.redis_url import RedisUrl
from ..runtime.cancellation import stop

REFUSED = (failures.OutOfMemoryError, failures.ReadOnlyError, failures.MasterDownError)
CODES = r"OOM|READONLY|MISCONF|LOADING|MASTERDOWN|NOREPLICAS|UNBLOCKED|BUSY|TRYAGAIN|CLUSTERDOWN"
REFUSED_WRITE = re.compile(rf"(^|[\s-])({CODES}) ")
"""redis-py has classes for some refusals and cuts their code off; in Redis 6.2 a script's error wraps the code."""
DEMOTED = re.compile(r"(^|[\s-])(READONLY|MASTERDOWN|UNBLOCKED|NOREPLICAS) ")


def is_refusal(error: failures.ResponseError) -> bool:
    """Whether Redis cannot do this now, and may do it later."""
    return isinstance(error, REFUSED) or bool(REFUSED_WRITE.search(str(error)))


def is_demotion(error: failures.ResponseError) -> bool:
    """Whether the server that answered so is no primary any more, or one whose replicas have gone to another."""
    classes = (failures.ReadOnlyError, failures.MasterDownError)
    return isinstance(error, classes) or bool(DEMOTED.search(str(error)))


SENTINEL_SECONDS = 1.0
"""How long a sentinel may take to connect and to answer; the next one is asked after it."""

WATCH_SECONDS = 1.0


class Demoted(NotConnected):
    """Raised when the server has become a replica, or a primary without replicas; the connection is closed."""


class LeavesReplicas:
    """Mixed into a connection: another connect finds out again where the primary is, by sentinel or by name."""

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """Read an answer; raises Demoted where it shows that this is a replica."""
        try:
            return await super().read_response(*args, **options)  # type: ignore[misc] # mixed into a connection
        except ResponseError as error:
            if not is_demotion(error):
                raise
            await self.disconnect(nowait=True)  # type: ignore[attr-defined] # mixed into a connection
            raise Demoted(f"the server takes no writes: {error}") from error


class PacksInC:
    """Mixed into a connection: commands are packed by hiredis, as redis-py's blocking connection does it.

    In Python it takes a third of the time that a submit costs.
    """

    _serializer = HiredisRespSerializer()

    def pack_command(self, *arguments: Any) -> list[bytes]:
        """Return the bytes of one command."""
        return self._serializer.pack(*arguments)  # type: ignore[no-any-return] # redis-py has no types


class PrimaryConnection(LeavesReplicas, PacksInC, Connection):
    """To the server that the URL names."""


class PrimaryTlsConnection(LeavesReplicas, PacksInC, SSLConnection):
    """To the server that the URL names, over TLS."""


class SentinelConnection(LeavesReplicas, PacksInC, Connection):
    """To the server that the sentinels name.

    redis-py's own class asks the sentinels when the pool hands it out, and not when a command finds the connection
    broken: every retry would go to the server that has just died.
    """

    def __init__(self, *, connection_pool: SentinelPool, **options: Any) -> None:
        self._pool = connection_pool
        super().__init__(**options)

    async def _connect(self) -> None:
        self.host, self.port = await self._pool.get_master_address()
        await super()._connect()  # type: ignore[no-untyped-call] # redis-py has no types here


class SentinelTlsConnection(SentinelConnection, SSLConnection):
    """To the server that the sentinels name, over TLS."""


class SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """redis-py's pool behind sentinels: calls above the number of connections wait, and a new primary is noticed.

    A primary that is replaced while it lives takes writes for ten seconds more, and then throws them all away.
    """

    _watch: asyncio.Task[None] | None = None

    async def get_connection(self, *arguments: Any, **options: Any) -> Any:
        """Return a connection; from the first one on the sentinels are watched."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_forever(), name="pointsman-sentinels")
        return await super().get_connection(*arguments, **options)  # type: ignore[no-untyped-call] # redis-py has no types here

    async def _watch_forever(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            with suppress(RedisError):  # as long as no sentinel answers, nothing has changed
                await self.get_master_address()

    async def get_master_address(self) -> Any:
        """Return where the primary is; leaves the one before with every connection."""
        before = self.master_address
        found = await super().get_master_address()  # type: ignore[no-untyped-call] # redis-py has no types here
        if before not in (None, found):
            await self.disconnect()
        return found

    async def aclose(self) -> None:
        """Close the connections to Redis, and those to the sentinels."""
        if self._watch is not None:
            await stop(self._watch)
        await super().aclose()
        for sentinel in self.sentinel_manager.sentinels:
            await sentinel.aclose()


def open_pool(where: RedisUrl, **options: Any) -> BlockingConnectionPool:
    """Return a pool to the primary; nothing is sent yet."""
    if not where.sentinels:
        return BlockingConnectionPool(
            connection_class=PrimaryTlsConnection if where.tls else PrimaryConnection, **options
        )
    timeouts = {"socket_timeout": SENTINEL_SECONDS, "socket_connect_timeout": SENTINEL_SECONDS}
    once = Retry(NoBackoff(), 0)  # there is another sentinel to ask
    sentinel = Sentinel(  # type: ignore[no-untyped-call] # redis-py has no types here
        where.sentinels, sentinel_kwargs={**timeouts, "retry": once, **where.sentinel_options}
    )
    kind = SentinelTlsConnection if where.tls else SentinelConnection
    return SentinelPool(where.service, sentinel, connection_class=kind, **options)  # type: ignore[no-untyped-call] # redis-py has no types here
