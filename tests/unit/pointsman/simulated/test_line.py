"""The line before a simulated model serves in order."""

from __future__ import annotations

import asyncio

from pointsman.simulated.line import WaitingLine


async def test_the_line_serves_in_order_and_no_more_than_its_room() -> None:
    line, served, leave = WaitingLine(), [], [asyncio.Event() for _ in range(4)]
    line.resize(2)

    async def wait(number: int) -> None:
        async with line.slot():
            served.append(number)
            await leave[number].wait()

    tasks = [asyncio.create_task(wait(number)) for number in range(4)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (served, line.waiting, line.full) == ([0, 1], 2, True)
    leave[1].set()
    await tasks[1]
    await asyncio.sleep(0)
    assert served == [0, 1, 2]
    line.resize(None)
    await asyncio.sleep(0)
    assert served == [0, 1, 2, 3]
    for event in leave:
        event.set()
    await asyncio.gather(*tasks)


async def test_one_who_gives_up_in_the_line_takes_no_place() -> None:
    line = WaitingLine()
    line.resize(1)
    async with line.slot():
        waiting = [asyncio.create_task(_pass(line)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
        assert line.waiting == 2
    waiting[1].cancel()  # its turn has come, but it has not run yet
    await asyncio.wait(waiting)
    assert not waiting[2].cancelled()
    assert not line.full


async def _pass(line: WaitingLine) -> None:
    async with line.slot():
        pass
