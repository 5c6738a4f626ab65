"""A task that is stopped has ended, also where whoever stops it is cancelled meanwhile."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from pointsman.router.runtime.cancellation import stop


async def ends_slowly(steps: int, ended: asyncio.Event) -> None:
    """A task whose end takes some turns of the loop, as giving back a connection does."""
    try:
        await asyncio.Event().wait()
    finally:
        for _ in range(steps):
            await asyncio.sleep(0)
        ended.set()


async def started(steps: int = 10) -> tuple[asyncio.Task[None], asyncio.Event]:
    ended = asyncio.Event()
    task = asyncio.create_task(ends_slowly(steps, ended))
    await asyncio.sleep(0)
    return task, ended


async def test_a_stopped_task_has_ended() -> None:
    task, ended = await started()
    await stop(task)
    assert task.cancelled()
    assert ended.is_set()


async def test_a_cancellation_meanwhile_is_raised_after_the_end() -> None:
    task, ended = await started()
    stopping = asyncio.create_task(stop(task))
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert ended.is_set()


async def test_a_scope_that_cancels_at_every_await_does_not_leave_a_task_behind() -> None:
    task, ended = await started()
    with anyio.CancelScope() as scope:
        try:
            scope.cancel()
            await asyncio.sleep(1)
        finally:
            await stop(task)
    assert scope.cancelled_caught
    assert ended.is_set()


async def test_the_failure_of_a_stopped_task_is_nobodys() -> None:
    async def fails() -> None:
        raise RuntimeError("boom")

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await stop(task)
    assert str(task.exception()) == "boom"
