"""The waiter gives up every subscription, even where who waits is cancelled again and again."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.runtime.cancellation import stop
from pointsman.router.store import Keys, Subscriptions, Waiter
from tests.support.live import eventually


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
        counts = dict(await redis.pubsub_numsub(*(keys.result(job_id) for job_id in ids)))
        return not any(counts.values())

    await eventually(none_left, what="no subscription", seconds=10)
    await subscriptions.close()
