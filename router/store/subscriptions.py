"""Shares one pub/sub connection among all that listen in this process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from ..vocabulary.errors import StoreUnavailable
from .connection import translated
from .keys import Keys

RECHECK_SECONDS = 5.0
"""How long a listener trusts its channel alone: pub/sub may lose a message while it reconnects."""

Listener = Callable[[str], None]
"""Takes a message at once; it must not block."""


class Subscriptions:
    """Holds one subscription per channel, however many listen to it."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys
        self._listeners: defaultdict[str, list[Listener]] = defaultdict(list)
        self._pubsub: PubSub | None = None
        self._reader: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._closed = False

    @asynccontextmanager
    async def listening(self, listeners: Sequence[tuple[str, Listener]]) -> AsyncIterator[None]:
        """Give each (channel, listener) its channel's messages from now on."""
        for channel, listener in listeners:
            self._listeners[channel].append(listener)
        try:
            await self._subscribe([channel for channel, _ in listeners])
            yield
        finally:
            # as a task of its own: who listens may be cancelled again while the subscription is given up
            await asyncio.shield(asyncio.ensure_future(self._leave(listeners)))

    async def _subscribe(self, channels: Sequence[str]) -> None:
        async with self._lock:
            with translated():
                if self._pubsub is None:
                    pubsub = self._redis.pubsub(ignore_subscribe_messages=True)
                    # redis-py's subscribe reads a health check's answer, which is the reader's, unless the
                    # connection is subscribed already: so it is subscribed to a silent channel for good
                    await pubsub.subscribe(self._keys.key("ended"))
                    self._pubsub = pubsub
                if channels:
                    await self._pubsub.subscribe(*channels)
            if self._reader is None or self._reader.done():
                self._reader = asyncio.create_task(self._read(self._pubsub), name="pointsman-subscriptions")

    async def _read(self, pubsub: PubSub) -> None:
        while not self._closed:  # redis-py can lose a cancellation while it sends a health check
            try:
                with translated():
                    message = await pubsub.get_message(timeout=RECHECK_SECONDS)
            except StoreUnavailable:
                await asyncio.sleep(0.5)  # redis-py connects and subscribes again at the next read
                continue
            if message is not None and message["channel"] in self._listeners:
                for listener in tuple(self._listeners[message["channel"]]):
                    listener(message["data"])

    async def _leave(self, listeners: Sequence[tuple[str, Listener]]) -> None:
        for channel, listener in listeners:
            self._listeners[channel].remove(listener)
            if not self._listeners[channel]:
                del self._listeners[channel]
        async with self._lock:
            # none has come back meanwhile
            gone = [channel for channel, _ in listeners if channel not in self._listeners]
            if gone and self._pubsub is not None:
                with suppress(StoreUnavailable), translated():  # the subscription goes with the connection
                    await self._pubsub.unsubscribe(*gone)

    async def close(self) -> None:
        """Stop reading and close the connection."""
        self._closed = True
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        if self._pubsub is not None:
            await self._pubsub.aclose()  # type: ignore[no-untyped-call] # redis-py has no types here
