"""Many jobs in a bounded window: records as they end, from any kind of iterable, and nothing left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from pointsman import AsyncClient, Client
from pointsman.producer.client.progress import Progress
from pointsman.producer.errors import Conflict, InvalidJob
from pointsman.router.runtime.cancellation import stop
from pointsman.router.vocabulary.job import JobState
from tests.support.live import eventually
from tests.support.running_api import Api

SUPPORT = "technical_support"


async def pending(api: Api) -> list[str]:
    found: Any = await api.redis.zrange(api.driver.keys.key("state", "pending"), 0, -1)
    return list(found)


@asynccontextmanager
async def ending(api: Api) -> AsyncIterator[None]:
    """End every job that comes, by cancelling it."""

    async def end() -> None:
        while True:
            for job_id in await pending(api):
                await api.driver.cancel(job_id)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(end())
    try:
        yield
    finally:
        await stop(task)


class Endless:
    """A source without end that knows how many were taken of it, and whether it was closed."""

    def __init__(self) -> None:
        self.taken, self.closed = 0, threading.Event()

    def __iter__(self) -> Iterator[str]:
        try:
            while True:
                self.taken += 1
                yield f"job {self.taken}"
        finally:
            self.closed.set()


async def test_records_come_as_jobs_end(client: AsyncClient, api: Api) -> None:
    seen: list[str | None] = []
    async with aclosing(client.run_many(["a", "b"], task_class=SUPPORT)) as records:
        waiting = asyncio.create_task(anext(records))
        first, second = await eventually(lambda: _two(api), what="both submitted")
        await api.finish(second)
        record = await waiting
        assert (record.id, record.state) == (second, JobState.SUCCEEDED)
        await api.finish(first)
        seen = [record.id async for record in records]
    assert seen == [first]


async def _two(api: Api) -> list[str]:
    found = await pending(api)
    return found if len(found) == 2 else []


async def test_a_source_without_end_is_taken_by_the_window(client: AsyncClient, api: Api) -> None:
    source, found = Endless(), 0
    submitting = client.submit_many(iter(source), window=40)
    async with ending(api):
        async for record in submitting:
            found += 1
            assert record.state is JobState.CANCELLED
            assert source.taken <= found + 2 * 40
            if found == 150:
                break
    assert await asyncio.to_thread(source.closed.wait, 20)


async def test_nothing_more_is_taken_while_the_window_is_full(client: AsyncClient, api: Api) -> None:
    source = Endless()
    async with aclosing(client.run_many(iter(source), window=7)) as records:
        first = asyncio.create_task(anext(records))
        await eventually(lambda: _count(api, 7), what="a full window")
        assert source.taken == 7
        await api.driver.cancel((await pending(api))[0])
        await first
    assert source.closed.is_set()


async def _count(api: Api, count: int) -> bool:
    return len(await pending(api)) >= count


async def test_who_stops_early_leaves_no_subscription_and_the_jobs_go_on(client: AsyncClient, api: Api) -> None:
    async with aclosing(client.run_many(f"job {at}" for at in range(100))) as records:
        first = asyncio.create_task(anext(records))
        await eventually(lambda: _count(api, 100), what="all submitted")
        ids = await pending(api)
        await api.driver.cancel(ids[0])
        assert (await first).id == ids[0]
    for job_id in ids:
        await api.until_subscribers(job_id, 0)
    assert await pending(api) == ids[1:]


async def test_an_async_source_that_is_slow_is_not_held_back(client: AsyncClient, api: Api) -> None:
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[dict[str, Any]]:
        yield {"prompt": "at once", "task_class": SUPPORT}
        await go_on.wait()
        yield {"prompt": "later", "task_class": SUPPORT}

    records = client.run_many(slow())
    waiting = asyncio.create_task(anext(records))
    await eventually(lambda: _count(api, 1), what="the first is submitted")
    await api.finish((await pending(api))[0])
    await waiting
    go_on.set()
    waiting = asyncio.create_task(anext(records))
    await eventually(lambda: _count(api, 1), what="the second is submitted")
    await api.finish((await pending(api))[0])
    await waiting
    assert [record async for record in records] == []


async def test_the_progress_is_reported_and_ends_with_all_of_it(client: AsyncClient, api: Api) -> None:
    updates: list[Progress] = []
    async with ending(api):
        found = [record async for record in client.run_many(["x"] * 300, progress=updates.append)]
    assert len(found) == 300
    last = updates[-1]
    assert (last.total, last.submitted, last.failed, last.ended, last.seconds_left) == (300, 300, 300, 300, 0.0)


async def test_what_the_callback_raises_ends_it(client: AsyncClient, api: Api) -> None:
    def refuse(_: Progress) -> None:
        raise RuntimeError("enough")

    source = Endless()
    async with ending(api):
        with pytest.raises(RuntimeError, match="enough"):
            async for _ in client.run_many(iter(source), window=10, progress=refuse):
                pass
    assert source.closed.is_set()


async def test_what_the_source_raises_ends_it(client: AsyncClient) -> None:
    def broken() -> Iterator[str]:
        yield "x"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        async for _ in client.run_many(broken()):
            pass


@pytest.mark.parametrize("bad", [{"prompt": "x", "priority": 12}, {"prompt": "x", "model": "nothing"}])
async def test_a_job_that_cannot_be_accepted_ends_it(client: AsyncClient, bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidJob):
        async for _ in client.run_many(["x", bad, "y"]):
            pass


async def test_a_conflict_is_found_among_many(client: AsyncClient) -> None:
    await client.submit("one", id="my-own-id")
    jobs = [{"prompt": f"job {at}"} for at in range(20)]
    jobs[13] = {"prompt": "other", "id": "my-own-id"}
    with pytest.raises(Conflict) as caught:
        async for _ in client.run_many(jobs):
            pass
    assert caught.value.job_id == "my-own-id"


async def test_the_same_job_twice_comes_twice(client: AsyncClient, api: Api) -> None:
    jobs = [{"prompt": "one", "idempotency_key": "k"}] * 2
    async with ending(api):
        ids = [record.id async for record in client.run_many(jobs)]
    assert len(ids) == 2
    assert len(set(ids)) == 1


async def test_awaited_it_is_the_ids_also_as_a_task(client: AsyncClient) -> None:
    assert len(await client.submit_many(["a", "b"])) == 2
    assert len(await asyncio.create_task(client.submit_many(["a", "b"]))) == 2
    assert len((await asyncio.gather(client.submit_many(["a", "b"])))[0]) == 2


async def test_a_program_without_asyncio(api: Api) -> None:
    def run() -> tuple[list[str], int, int]:
        updates: list[Progress] = []
        source = Endless()
        with Client(api.url) as client:
            ids = [record.id for record in client.run_many(["x"] * 30, progress=updates.append)]
            for count, _ in enumerate(client.run_many(iter(source), window=10), 1):
                if count == 20:
                    break
            assert source.closed.wait(20)
        return ids, updates[-1].ended, count

    async with ending(api):
        ids, ended, count = await asyncio.to_thread(run)
    assert (len(set(ids)), ended, count) == (30, 30, 20)
