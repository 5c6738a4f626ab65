"""Takes a few items at a time from an iterable of either kind, also from one that is slow or never ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

from pointsman.router.runtime.cancellation import stop

LINGER_SECONDS = 0.05
"""How long is waited for further items after the first, so that a slow source is not held back."""

Item = TypeVar("Item")
Items = Iterable[Item] | AsyncIterable[Item]


class ItemSource(Generic[Item]):
    """One source of items; raises what the source raises."""

    def __init__(self, items: Items[Item]) -> None:
        self._source: _AsyncItems[Item] | _BlockingItems[Item]
        self._source = (
            _AsyncItems(aiter(items)) if isinstance(items, AsyncIterable) else _BlockingItems(iter(items))
        )

    async def take(self, most: int) -> list[Item] | None:
        """Return the next items, one at least and at most so many; None when there are no more."""
        return await self._source.take(most) or None

    async def close(self) -> None:
        """Let the source clean up."""
        await self._source.close()


class _BlockingItems(Generic[Item]):
    """An iterable is asked in a thread: to find its next item it may wait for a file or for somebody."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items

    async def take(self, most: int) -> list[Item]:
        return await asyncio.to_thread(self._take, most)

    def _take(self, most: int) -> list[Item]:
        found: list[Item] = []
        until = time.monotonic() + LINGER_SECONDS
        for item in self._items:
            found.append(item)
            if len(found) >= most or time.monotonic() > until:
                break
        return found

    async def close(self) -> None:
        close = getattr(self._items, "close", None)
        if close is not None:
            with suppress(ValueError):  # it is being asked right now, and cannot be stopped in that
                close()


class _AsyncItems(Generic[Item]):
    """An async iterable: what it has begun to look for is kept for the next time."""

    def __init__(self, items: AsyncIterator[Item]) -> None:
        self._items = items
        self._step: asyncio.Task[list[Item]] | None = None

    async def take(self, most: int) -> list[Item]:
        found: list[Item] = []
        linger: float | None = None
        while len(found) < most:
            self._step = self._step or asyncio.create_task(self._next())
            await asyncio.wait({self._step}, timeout=linger)
            if not self._step.done():
                break
            step, self._step = self._step, None
            if not (item := step.result()):
                break
            found += item
            linger = LINGER_SECONDS
        return found

    async def _next(self) -> list[Item]:
        async for item in self._items:
            return [item]
        return []

    async def close(self) -> None:
        if self._step is not None:
            await stop(self._step)
        close = getattr(self._items, "aclose", None)
        if close is not None:
            await close()
