"""Tries again what failed only for now; everything the clients ask for is safe to ask twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pointsman.router.vocabulary.errors import StoreUnavailable

from ..errors import ApiUnavailable

FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 5.0

Result = TypeVar("Result")


OnTrouble = Callable[[str], None]
"""Gets to know in words why something is tried again, and '' when it goes on."""


def ignore_trouble(_: str) -> None:
    """Keep to oneself why something is tried again."""


async def with_retries(
    ask: Callable[[], Awaitable[Result]], *, retries: int, on_trouble: OnTrouble = ignore_trouble
) -> Result:
    """Return what `ask` returns, after up to `retries` further tries while the API or Redis is away."""
    for attempt in range(retries):
        try:
            answer = await ask()
        except StoreUnavailable as error:
            on_trouble(str(error))
            await asyncio.sleep(delay_seconds(attempt, error))
        else:
            on_trouble("")
            return answer
    return await ask()


def delay_seconds(attempt: int, error: StoreUnavailable) -> float:
    """Return how long to wait after the failed try number `attempt`, counted from 0."""
    requested_seconds = error.retry_after if isinstance(error, ApiUnavailable) else 0.0
    backoff: float = FIRST_DELAY_SECONDS * 2.0**attempt * random.uniform(0.5, 1.0)
    return min(LONGEST_DELAY_SECONDS, max(requested_seconds, backoff))
