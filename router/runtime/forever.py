"""Runs a duty for as long as its process lives, over everything that goes wrong in it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ..vocabulary.errors import StoreUnavailable

FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0


async def forever(
    name: str,
    duty: Callable[[], Awaitable[None]],
    *,
    log: logging.Logger,
    longest_backoff_seconds: float = LONGEST_BACKOFF_SECONDS,
) -> None:
    """Run `duty` again whenever it returns or fails, until cancelled; each failure in a row waits twice as long.

    A Redis that is away is one line in the log, anything else a traceback. A duty that had gone well for longer
    than the longest wait begins with the first wait again.
    """
    clock = asyncio.get_running_loop().time
    wait_seconds = FIRST_BACKOFF_SECONDS
    while True:
        began = clock()
        try:
            await duty()
        except StoreUnavailable as error:
            log.warning("%s: %s; trying again in %.1f s", name, error, wait_seconds)
        except Exception:  # the other duties of this process, and this one's next run, must go on
            log.exception("%s failed; trying again in %.1f s", name, wait_seconds)
        if clock() - began > longest_backoff_seconds:
            wait_seconds = FIRST_BACKOFF_SECONDS
        await asyncio.sleep(wait_seconds)
        wait_seconds = min(wait_seconds * 2, longest_backoff_seconds)
