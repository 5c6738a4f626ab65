"""Several streams as one: all of what they yield, the first error, and none left open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from pointsman.producer.client.transports.http import merged


async def numbers(start: int, closed: list[int], *, breaks: bool = False) -> AsyncGenerator[int, None]:
    try:
        for number in range(start, start + 5):
            await asyncio.sleep(0)
            yield number
        if breaks:
            raise ValueError(start)
    finally:
        closed.append(start)


async def test_everything_comes_once() -> None:
    closed: list[int] = []
    found = [number async for number in merged([numbers(0, closed), numbers(10, closed)])]
    assert sorted(found) == [*range(5), *range(10, 15)]
    assert sorted(closed) == [0, 10]


async def test_the_first_error_ends_all() -> None:
    closed: list[int] = []
    with pytest.raises(ValueError, match="10"):
        async for _ in merged([numbers(0, closed), numbers(10, closed, breaks=True)]):
            pass
    assert sorted(closed) == [0, 10]


async def test_who_stops_early_leaves_no_stream_open() -> None:
    closed: list[int] = []
    async with aclosing(merged([numbers(0, closed), numbers(10, closed)])) as found:
        assert await anext(found) in (0, 10)
    assert sorted(closed) == [0, 10]
