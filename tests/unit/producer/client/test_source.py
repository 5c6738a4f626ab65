"""Items are taken as they come from either kind of iterable; none is lost, and a source is closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from pointsman.producer.client.source import ItemSource


async def counted(last: int) -> AsyncIterator[int]:
    for number in range(1, last + 1):
        yield number


async def all_of(source: ItemSource[int], most: int) -> list[list[int]]:
    """Take until there is no more."""
    found = []
    while (some := await source.take(most)) is not None:
        found.append(some)
    return found


@pytest.mark.parametrize("kind", ["iterable", "async iterable"])
async def test_no_more_than_wanted_are_taken_and_none_is_lost(kind: str) -> None:
    source: ItemSource[int] = ItemSource(range(1, 8) if kind == "iterable" else counted(7))
    assert len(await source.take(1) or []) == 1
    rest = await all_of(source, 3)
    assert [number for some in rest for number in some] == [2, 3, 4, 5, 6, 7]
    assert max(map(len, rest)) <= 3
    assert await source.take(3) is None


@pytest.mark.parametrize("source", [ItemSource([]), ItemSource(iter(()))])
async def test_an_empty_source_is_at_its_end(source: ItemSource[int]) -> None:
    assert await source.take(5) is None
    assert await ItemSource(counted(0)).take(5) is None


async def test_what_a_slow_source_has_is_handed_on_and_the_rest_is_kept_for_later() -> None:
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[int]:
        yield 1
        await go_on.wait()
        yield 2

    source = ItemSource(slow())
    assert await source.take(10) == [1]
    go_on.set()
    assert await source.take(10) == [2]
    assert await source.take(10) is None


async def test_a_blocking_source_that_is_slow_holds_up_neither_the_loop_nor_what_it_has() -> None:
    go_on = threading.Event()

    def slow() -> Iterator[int]:
        yield from (1, 2)
        assert go_on.wait(20)
        yield from (3, 4)

    source = ItemSource(slow())
    assert await source.take(2) == [1, 2]
    taking = asyncio.create_task(source.take(2))
    await asyncio.sleep(0)  # the loop goes on while the source is asked
    go_on.set()
    assert await taking == [3, 4]


async def test_what_a_source_raises_comes_after_what_it_gave() -> None:
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise LookupError("no more")

    source = ItemSource(broken())
    with pytest.raises(LookupError, match="no more"):
        await all_of(source, 1)


async def test_a_source_is_closed_also_while_it_is_waited_for() -> None:
    closed = asyncio.Event()

    async def silent() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.set()

    source = ItemSource(silent())
    assert await source.take(2) == [1]
    await source.close()
    assert closed.is_set()


async def test_a_generator_is_closed_and_a_list_need_not_be() -> None:
    closed = []

    def generator() -> Iterator[int]:
        try:
            yield from (1, 2, 3)
        finally:
            closed.append(True)

    source = ItemSource(generator())
    assert await source.take(1) == [1]
    await source.close()
    assert closed == [True]
    await ItemSource([1]).close()


async def test_a_generator_that_is_being_asked_is_left_to_itself() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def stuck() -> Iterator[int]:
        asked.set()
        assert go_on.wait(20)
        yield 1

    source = ItemSource(stuck())
    taking = asyncio.create_task(source.take(1))
    assert await asyncio.to_thread(asked.wait, 20)
    await source.close()
    go_on.set()
    assert await taking == [1]
