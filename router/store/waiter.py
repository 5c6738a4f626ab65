"""Waits for the ends of jobs on one pub/sub connection, without polling."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from ..errors import StoreUnavailable
from .connection import translated
from .keys import Keys

RECHECK_SECONDS = 5.0
"""How long a wait trusts the channel alone: pub/sub may lose a message while it reconnects."""


class Waiter:
    """Shares one subscription per job among all that wait for it in this process."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys
        self._waiting: Counter[str] = Counter()
        self._ended: dict[str, asyncio.Event] = {}
        self._pubsub: PubSub | None = None
        self._reader: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._closed = False

    @asynccontextmanager
    async def watching(self, job_ids: Sequence[str]) -> AsyncIterator[dict[str, asyncio.Event]]:
        """Yield an event for each job that is set when it ends; look at the job after entering, not before."""
        channels = [self._keys.result(job_id) for job_id in job_ids]
        self._waiting.update(channels)
        ends = {job_id: self._ended.setdefault(self._keys.result(job_id), asyncio.Event()) for job_id in job_ids}
        try:
            await self._subscribe(channels)
            yield ends
        finally:
            # as a task of its own: who waits may be cancelled again while the subscription is given up
            await asyncio.shield(asyncio.ensure_future(self._leave(channels)))

    async def _subscribe(self, channels: Sequence[str]) -> None:
        async with self._lock:
            with translated():
                if self._pubsub is None:
                    pubsub = self._redis.pubsub(ignore_subscribe_messages=True)
                    # redis-py's subscribe reads a health check's answer, which is the reader's, unless the
                    # connection is subscribed already: so it is subscribed to a silent channel for good
                    await pubsub.subscribe(self._keys.result(""))
                    self._pubsub = pubsub
                if channels:
                    await self._pubsub.subscribe(*channels)
            if self._reader is None or self._reader.done():
                self._reader = asyncio.create_task(self._read(self._pubsub), name="pointsman-waiter")

    async def _read(self, pubsub: PubSub) -> None:
        while not self._closed:  # redis-py can lose a cancellation while it sends a health check
            try:
                with translated():
                    message = await pubsub.get_message(timeout=RECHECK_SECONDS)
            except StoreUnavailable:
                await asyncio.sleep(0.5)  # redis-py connects and subscribes again at the next read
                continue
            if message is not None and message["channel"] in self._ended:
                self._ended[message["channel"]].set()

    async def _leave(self, channels: Sequence[str]) -> None:
        self._waiting.subtract(channels)
        for channel in channels:
            if self._waiting[channel] <= 0:
                del self._waiting[channel]
                self._ended.pop(channel, None)
        async with self._lock:
            gone = [channel for channel in channels if channel not in self._ended]  # none has come back meanwhile
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
