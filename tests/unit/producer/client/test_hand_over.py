"""What waits between the client's event loop and a reader without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from pointsman.producer.client.hand_over import HandOver


class Numbers:
    """Numbers without end, and how many were asked for."""

    def __init__(self) -> None:
        self.asked, self.closed = 0, False

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            while True:
                self.asked += 1
                yield self.asked
        finally:
            self.closed = True


async def until_blocked() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


async def test_no_more_is_asked_for_than_may_wait() -> None:
    numbers = Numbers()
    hand_over = HandOver(numbers.items(), 8)
    taken = await hand_over.take()
    await until_blocked()
    assert numbers.asked - len(taken) <= 8
    for _ in range(5):
        taken += await hand_over.take()
        await until_blocked()
        assert numbers.asked - len(taken) <= 8
    assert taken == list(range(1, len(taken) + 1))
    await hand_over.close()


async def test_with_one_at_a_time_the_next_is_asked_for_when_it_is_wanted() -> None:
    numbers = Numbers()
    hand_over = HandOver(numbers.items(), 1)
    for wanted in (1, 2, 3):
        assert await hand_over.take() == [wanted]
        await until_blocked()
        assert numbers.asked == wanted
    await hand_over.close()


async def test_a_reader_that_stops_early_lets_the_items_clean_up() -> None:
    numbers = Numbers()
    hand_over = HandOver(numbers.items(), 8)
    await hand_over.take()
    await hand_over.close()
    assert numbers.closed
    await HandOver(numbers.items()).close()  # nor does one that never began leave anything


async def test_what_was_found_before_an_error_comes_first() -> None:
    async def items() -> AsyncGenerator[int, None]:
        yield 1
        await asyncio.sleep(0)
        yield 2
        raise ValueError("no more")

    hand_over = HandOver(items(), 8)
    found = await hand_over.take() + await hand_over.take()
    with pytest.raises(ValueError, match="no more"):
        await hand_over.take()
    assert found == [1, 2]


async def test_after_the_last_item_nothing_comes() -> None:
    async def items() -> AsyncGenerator[int, None]:
        yield 1

    hand_over = HandOver(items(), 8)
    assert [await hand_over.take(), await hand_over.take(), await hand_over.take()] == [[1], [], []]
