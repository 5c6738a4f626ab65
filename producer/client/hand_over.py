"""Hands items from the client's event loop to a reader without one, who may be slower or stop early."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Generic, TypeVar

from pointsman.router.runtime.cancellation import stop

AHEAD = 256
"""Items that may wait for the reader: enough that it seldom waits for a thread, and little to hold."""

Item = TypeVar("Item")


class HandOver(Generic[Item]):
    """Reads items for somebody who takes them; asks for no more while `ahead` of them are not taken."""

    def __init__(self, items: AsyncGenerator[Item, None], ahead: int = AHEAD) -> None:
        self._items, self._ahead = items, ahead
        self._found: deque[Item] = deque()
        self._came, self._room = asyncio.Event(), asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def take(self) -> list[Item]:
        """Return what has come, after a wait for the first; nothing at the end. Raises what the items raise."""
        if self.task is None:
            self.task = asyncio.create_task(self._read())
            self.task.add_done_callback(lambda _: self._came.set())
        self._room.set()
        while not self._found:
            if self.task.done():
                self.task.result()
                return []
            self._came.clear()
            await self._came.wait()
        found = list(self._found)
        self._found.clear()
        return found

    async def _read(self) -> None:
        async with aclosing(self._items):
            async for item in self._items:
                self._found.append(item)
                self._came.set()
                if len(self._found) >= self._ahead:
                    self._room.clear()
                    await self._room.wait()

    async def close(self) -> None:
        """Stop reading, and wait until the items have cleaned up."""
        if self.task is not None:
            await stop(self.task)
