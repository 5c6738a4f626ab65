"""The clock by which everything in Redis is kept: that of its host, less the steps that were made in it."""

from __future__ import annotations

import time
from typing import Any

from redis.asyncio import Redis

from .connection import translated
from .keys import Keys

EXPECTED_FOR_SECONDS = 300.0
"""How long what was seen last tells what is expected: our clock may run a little slower than time does."""

SLOW_SECONDS = 1.0
"""An answer that takes longer does not say when the clock showed what it says."""


class ServerClock:
    """What one process expects the clock to show: what it last showed, and the monotonic time since then."""

    def __init__(self) -> None:
        self._seen: tuple[int, float] | None = None

    @staticmethod
    def monotonic() -> float:
        """Return this process's own clock, in seconds: to be noted before Redis is asked."""
        return time.monotonic()

    def saw(self, now: int, *, asked_at: float) -> None:
        """Note what the clock showed, in milliseconds since 1970; an answer that took long says too little."""
        if time.monotonic() - asked_at < SLOW_SECONDS:
            self._seen = now, asked_at

    def expected(self) -> int | None:
        """Return what the clock should show now, in milliseconds; None where it was not seen lately."""
        if self._seen is None:
            return None
        now, at = self._seen
        passed = time.monotonic() - at
        return now + int(passed * 1000) if passed < EXPECTED_FOR_SECONDS else None


async def server_time(redis: Redis, keys: Keys) -> float:
    """Return the time by which everything in Redis is kept, in Unix seconds; raises StoreUnavailable."""
    with translated():
        pipeline = redis.pipeline(transaction=False)
        pipeline.time()
        pipeline.hmget(keys.key("clock"), "offset", "last")
        found: Any = await pipeline.execute()
    (seconds, micro), kept = found
    offset, last = (int(float(value or 0)) for value in kept)
    return max(int(seconds) + int(micro) / 1_000_000 + offset / 1000, last / 1000)


async def clock_offset(redis: Redis, keys: Keys) -> float:
    """Return by how many seconds the clock is ahead of that of Redis's host; raises StoreUnavailable."""
    with translated():
        found: Any = await redis.hget(keys.key("clock"), "offset")
    return float(found or 0) / 1000
