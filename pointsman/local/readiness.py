"""Waits until a part can be used, and says what is wrong when it cannot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from pointsman.router.store import open_redis, translated
from pointsman.router.vocabulary.errors import ConfigError, PointsmanError

from .api_health import url_answers

EVERY_SECONDS = 0.1


async def until(ready: Callable[[], Awaitable[bool]], *, what: str, seconds: float, hint: str) -> None:
    """Return once `ready` is true; raises ConfigError with the hint when it is not in time."""
    end, task = time.monotonic() + seconds, asyncio.current_task()
    while not await ready():
        _check_not_cancelled(task)
        if time.monotonic() > end:
            raise ConfigError(f"{what} did not get ready within {seconds:.0f} s: {hint}")
        await asyncio.sleep(EVERY_SECONDS)
    _check_not_cancelled(task)


def _check_not_cancelled(task: asyncio.Task[Any] | None) -> None:
    """Raise the cancellation that redis-py loses where it comes together with a reply; Ctrl-C is one."""
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def redis_answers(url: str) -> bool:
    """Whether a Redis answers at this URL."""
    client = open_redis(url)
    try:
        with translated():
            return bool(await client.ping())
    except PointsmanError:
        return False
    finally:
        await client.aclose()


async def http_answers(url: str) -> bool:
    """Whether an http:// URL is answered with success, or by the question who we are."""
    return await asyncio.to_thread(url_answers, url)
