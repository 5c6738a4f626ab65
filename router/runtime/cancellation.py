"""Stops a task for certain."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_SECONDS = 0.1


async def stop(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks and return when they have ended, whatever came of them.

    Once is not enough: while it sends, redis-py can lose a cancellation (it uses `asyncio.wait_for`, which in
    Python 3.11 forgets one that comes together with the result).
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
