"""Listens to every result that is published, so that a second one for a job cannot go unseen."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from pointsman.router.runtime.cancellation import stop
from pointsman.router.store import Keys, translated
from pointsman.router.vocabulary.errors import StoreUnavailable


class Published:
    """What was published for each job, in order; nothing is heard while Redis is away."""

    def __init__(self) -> None:
        self.results: dict[str, list[str]] = defaultdict(list)

    @classmethod
    @asynccontextmanager
    async def collecting(cls, redis: Redis, keys: Keys) -> AsyncIterator[Published]:
        """Listen inside the block."""
        published, subscribed = cls(), asyncio.Event()
        listening = asyncio.create_task(published._listen_forever(redis, keys.results, subscribed))
        try:
            await asyncio.wait_for(subscribed.wait(), 30)
            yield published
        finally:
            await stop(listening)

    async def _listen_forever(self, redis: Redis, prefix: str, subscribed: asyncio.Event) -> None:
        while True:
            pubsub = redis.pubsub(ignore_subscribe_messages=True)
            try:
                with translated():
                    await pubsub.psubscribe(f"{prefix}*")
                    subscribed.set()
                    while True:
                        message = await pubsub.get_message(timeout=5)
                        if message is not None:
                            self.results[message["channel"].removeprefix(prefix)].append(message["data"])
            except StoreUnavailable:
                await asyncio.sleep(0.1)
            finally:
                await pubsub.aclose()
