"""Makes one stream of several."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from router.stopping import stop

Item = TypeVar("Item")


@dataclass(frozen=True)
class _End:
    """One of the streams has ended, by an error or not."""

    error: Exception | None = None


async def merged(streams: Sequence[AsyncGenerator[Item, None]]) -> AsyncGenerator[Item, None]:
    """Yield what any of the streams yields as it comes; raises the first error, and leaves none of them open."""
    found: asyncio.Queue[Item | _End] = asyncio.Queue(maxsize=1)

    async def drain(stream: AsyncGenerator[Item, None]) -> None:
        try:
            async with aclosing(stream):
                async for item in stream:
                    await found.put(item)
        except Exception as error:  # whoever reads gets it
            await found.put(_End(error))
        else:
            await found.put(_End())

    tasks = [asyncio.create_task(drain(stream)) for stream in streams]
    left = len(tasks)
    try:
        while left:
            item = await found.get()
            if not isinstance(item, _End):
                yield item
            elif item.error is not None:
                raise item.error
            else:
                left -= 1
    finally:
        await stop(*tasks)
