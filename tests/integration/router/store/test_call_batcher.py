"""Calls of one script that come together share a round trip; each gets its own answer, whatever the others get."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest
from pydantic_core import PydanticSerializationError
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from pointsman.router.store import open_redis
from pointsman.router.store.call_batcher import CallBatcher
from pointsman.router.store.calls import Change
from pointsman.router.store.scripts import Scripts
from pointsman.router.vocabulary.errors import StoreUnavailable
from tests.support.store_driver import Driver

CANCELLED = Change(before="pending", after="cancelled")


@pytest.fixture
def cancels(driver: Driver) -> CallBatcher:
    return CallBatcher(driver.scripts, "cancel_job")


async def calls_of(redis: Redis, command: str) -> int:
    stats = await redis.info("commandstats")
    return int(stats.get(f"cmdstat_{command}", {}).get("calls", 0))


async def test_each_caller_gets_its_own_answer(driver: Driver, cancels: CallBatcher) -> None:
    jobs = [await driver.submit() for _ in range(300)]
    answers = await asyncio.gather(*(cancels.run(driver.cancelling(job)) for job in [*jobs, "unknown-job"]))
    assert answers == [CANCELLED] * 300 + [Change()]


async def test_a_call_that_fails_fails_alone(driver: Driver, cancels: CallBatcher) -> None:
    jobs = [await driver.submit() for _ in range(3)]
    await driver.redis.set(driver.keys.key("job", jobs[1]), "no hash")
    calls = [*map(driver.cancelling, jobs), replace(driver.cancelling(jobs[2]), now=math.inf)]
    first, failed, last, wrong = await asyncio.gather(*map(cancels.run, calls), return_exceptions=True)
    assert first == last == CANCELLED
    assert isinstance(failed, ResponseError)
    assert isinstance(wrong, PydanticSerializationError), "it was not even sent"


async def test_a_caller_that_goes_away_takes_nobody_with_it(driver: Driver, cancels: CallBatcher) -> None:
    jobs = [await driver.submit() for _ in range(3)]
    calls = [asyncio.create_task(cancels.run(driver.cancelling(job))) for job in jobs]
    await asyncio.sleep(0)
    calls[1].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert answers[0] == answers[2] == CANCELLED
    assert await cancels.run(driver.cancelling(jobs[0])) == Change(before="cancelled", after="cancelled"), (
        "and it goes on"
    )


async def test_a_script_that_redis_forgot_is_loaded_again(driver: Driver, cancels: CallBatcher) -> None:
    jobs = [await driver.submit() for _ in range(5)]
    await driver.redis.script_flush()
    answers = await asyncio.gather(*(cancels.run(driver.cancelling(job)) for job in jobs))
    assert answers == [CANCELLED] * 5


async def test_redis_is_not_asked_each_time_whether_it_knows_a_script(driver: Driver) -> None:
    jobs = [await driver.submit() for _ in range(50)]
    before = await calls_of(driver.redis, "script|exists"), await calls_of(driver.redis, "script|load")
    cancels = CallBatcher(driver.scripts, "cancel_job")
    await asyncio.gather(*(cancels.run(driver.cancelling(job)) for job in jobs))
    assert (await calls_of(driver.redis, "script|exists"), await calls_of(driver.redis, "script|load")) in (
        before,
        (before[0], before[1] + 1),
    )


async def test_every_caller_is_reported_that_redis_is_away(driver: Driver) -> None:
    async with open_redis("redis://127.0.0.1:1/0") as nowhere:
        away = CallBatcher(Scripts(nowhere, driver.keys), "cancel_job")
        answers = await asyncio.gather(
            *(away.run(driver.cancelling("job")) for _ in range(3)), return_exceptions=True
        )
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
