"""Stops a task for certain."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_SECONDS = 0.1


async def stop(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks and return when they have ended, whatever came of them.

    Once is not enough: while it sends, redis-py can lose a cancellation (it uses `asyncio.wait_for`, which in
    Python 3.11 forgets one that comes together with the result). A cancellation of the waiting task itself is
    raised when the tasks have ended, and not before: anyio's scopes, in which a web framework runs our streams,
    cancel again at every `await`, and what the tasks use would be torn down under them.
    """
    cancelled: asyncio.CancelledError | None = None
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        left, cancelled = await _wait(left, cancelled)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at: else it would be written to the log as never retrieved
    if cancelled is not None:
        raise cancelled


async def _wait(
    left: set[asyncio.Task[Any]], cancelled: asyncio.CancelledError | None
) -> tuple[set[asyncio.Task[Any]], asyncio.CancelledError | None]:
    """Return the tasks that are left after a moment, and the last cancellation that came meanwhile."""
    clock = asyncio.get_running_loop().time
    until = clock() + AGAIN_SECONDS
    while left and clock() < until:
        try:
            _, left = await asyncio.wait(left, timeout=until - clock())
        except asyncio.CancelledError as error:
            cancelled = error
            left = {task for task in left if not task.done()}
    return left, cancelled
