"""Many jobs as they end: each once, in the order of the ends, also where the message of an end is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from pointsman.router.store import Subscriptions, Waiter, finished, job_ends
from pointsman.router.vocabulary.errors import UnknownJob
from tests.support.store_driver import Driver


@pytest_asyncio.fixture
async def waiter(redis: Redis, driver: Driver) -> AsyncIterator[Waiter]:
    subscriptions = Subscriptions(redis, driver.keys)
    yield Waiter(subscriptions, driver.keys)
    await subscriptions.close()


async def subscribed(driver: Driver, job_id: str) -> int:
    found = await driver.redis.pubsub_numsub(driver.keys.key("ended", job_id))
    return int(found[0][1])


async def until_subscribed(driver: Driver, job_id: str) -> None:
    async with asyncio.timeout(20):
        while not await subscribed(driver, job_id):  # noqa: ASYNC110 # Redis tells of no subscription
            await asyncio.sleep(0.01)


async def ended(driver: Driver) -> str:
    """Return a job that has ended; each a second after the last one."""
    job_id = await driver.submit()
    driver.pass_seconds(1)
    await driver.cancel(job_id)
    return job_id


async def test_what_has_ended_before_comes_first_and_in_order(driver: Driver, waiter: Waiter) -> None:
    first, second, third = [await ended(driver) for _ in range(3)]
    found = [record.id async for record in finished([third, first, second], waiter, driver.jobs.ended)]
    assert found == [first, second, third]


async def test_more_jobs_than_are_read_at_once_all_come(
    driver: Driver, waiter: Waiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_ends, "READ_AT_ONCE", 2)
    ids = [await ended(driver) for _ in range(5)]
    assert [record.id async for record in finished(ids, waiter, driver.jobs.ended)] == ids


async def test_each_comes_when_it_ends(driver: Driver, waiter: Waiter) -> None:
    ids = [await driver.submit() for _ in range(3)]
    records = finished(ids, waiter, driver.jobs.ended)
    for job_id in reversed(ids):
        coming = asyncio.create_task(anext(records))
        await until_subscribed(driver, job_id)
        await driver.cancel(job_id)
        assert (await coming).id == job_id
    with pytest.raises(StopAsyncIteration):
        await anext(records)


async def test_an_end_whose_message_is_lost_is_found_by_a_look(
    driver: Driver, waiter: Waiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_ends, "LOOK_AGAIN_SECONDS", 0.1)
    job_id = await driver.submit()
    coming = asyncio.create_task(anext(finished([job_id], waiter, driver.jobs.ended)))
    await until_subscribed(driver, job_id)
    async with driver.redis.pipeline(transaction=True) as pipeline:
        pipeline.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        pipeline.hset(driver.keys.key("job", job_id), mapping={"state": "cancelled", "finished": driver.now})
        await pipeline.execute()
    async with asyncio.timeout(20):
        assert (await coming).id == job_id


async def test_a_message_without_an_end_is_no_end(driver: Driver, waiter: Waiter) -> None:
    first, second = await driver.submit(), await driver.submit()
    coming = asyncio.create_task(anext(finished([first, second], waiter, driver.jobs.ended)))
    await until_subscribed(driver, second)
    await driver.redis.publish(driver.keys.key("ended", first), "{}")
    await driver.cancel(second)
    assert (await coming).id == second


async def test_a_job_that_is_not_there_is_unknown(driver: Driver, waiter: Waiter) -> None:
    with pytest.raises(UnknownJob):
        await anext(finished(["no-such-job"], waiter, driver.jobs.ended))


async def test_who_stops_listening_leaves_no_subscription(driver: Driver, waiter: Waiter) -> None:
    done, waits = await ended(driver), await driver.submit()
    records = finished([done, waits], waiter, driver.jobs.ended)
    assert (await anext(records)).id == done
    assert await subscribed(driver, waits) == 1
    await records.aclose()
    assert await subscribed(driver, waits) == 0
