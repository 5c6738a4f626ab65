"""The waiter gives up every subscription, even where who waits is cancelled again and again."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.runtime.cancellation import stop
from pointsman.router.store import Keys, Subscriptions, Waiter
from pointsman.router.vocabulary.job import JobState
from tests.support.live import eventually
from tests.support.store_driver import LARGE_BYTES, Driver, large_result, success


async def test_a_result_larger_than_a_subscription_can_hold_breaks_none(driver: Driver) -> None:
    """Redis cuts a subscriber off that is 32 MB behind, by default, and all waits of a process share one."""
    keys, redis = driver.keys, driver.redis
    subscriptions = Subscriptions(redis, keys)
    job_id = await driver.run_to_claim()
    async with Waiter(subscriptions, keys).watching([job_id, "another"]) as ends:
        before = await subscribers(redis)
        settlement = dataclasses.replace(success(), result=large_result())
        assert await driver.settle(job_id, settlement=settlement) is JobState.SUCCEEDED
        await asyncio.wait_for(ends[job_id].wait(), 5)
        assert await subscribers(redis) == before
    record = await driver.get(job_id)
    assert record.result is not None
    assert len(record.result.answer.text) == LARGE_BYTES
    await subscriptions.close()


async def subscribers(redis: Redis) -> list[str]:
    """Return the connections that are subscribed to something."""
    found: Any = await redis.client_list(_type="pubsub")
    return sorted(client["id"] for client in found)


async def test_a_wait_that_is_cancelled_twice_leaves_no_subscription(redis: Redis, settings: Settings) -> None:
    keys = Keys(settings.key_prefix)
    subscriptions = Subscriptions(redis, keys)
    waiter = Waiter(subscriptions, keys)

    async def wait(job_id: str) -> None:
        async with waiter.watching([job_id]) as ends:
            await ends[job_id].wait()

    ids = [f"job-{at:04d}" for at in range(100)]
    waits = [asyncio.create_task(wait(job_id)) for job_id in ids]
    await asyncio.sleep(0)
    for task in waits:
        task.cancel()
    await asyncio.sleep(0)
    await stop(*waits)

    async def none_left() -> bool:
        counts = dict(await redis.pubsub_numsub(*(keys.key("ended", job_id) for job_id in ids)))
        return not any(counts.values())

    await eventually(none_left, what="no subscription", seconds=10)
    await subscriptions.close()
