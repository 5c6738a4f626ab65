"""Any Celery client reads a job's end through AsyncResult, as if Celery itself had written it."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import json

import pytest
from celery import Celery
from celery.result import AsyncResult

from pointsman.router.vocabulary.errors import ErrorKind, JobFailed
from tests.support.store_driver import RESULT, Driver, failure, large_result, success

SECONDS = 10


async def get(result: AsyncResult) -> object:
    """Wait for the result in a thread, as Celery clients do."""
    return await asyncio.to_thread(result.get, SECONDS)


async def test_a_succeeded_job_is_a_celery_success(driver: Driver, app: Celery) -> None:
    job_id = await driver.run_to_claim()
    await driver.settle(job_id, settlement=success())
    result = AsyncResult(job_id, app=app)
    assert await get(result) == RESULT
    assert (result.state, result.successful()) == ("SUCCESS", True)
    assert result.date_done == datetime.datetime.fromtimestamp(driver.now / 1000, datetime.UTC)


async def test_a_failed_job_raises_job_failed_with_its_kind(driver: Driver, app: Celery) -> None:
    job_id = await driver.run_to_claim()
    await driver.settle(job_id, settlement=failure("content_filtered"))
    result = AsyncResult(job_id, app=app)
    with pytest.raises(JobFailed) as caught:
        await get(result)
    assert (caught.value.kind, caught.value.message) == (ErrorKind.CONTENT_FILTERED, "it broke")
    assert result.state == "FAILURE"


async def test_a_message_with_quotes_and_other_letters_comes_through(driver: Driver, app: Celery) -> None:
    job_id = await driver.run_to_claim()
    words = 'he said "no"\n\\ — ☃ \x01 end'
    await driver.settle(job_id, settlement=dataclasses.replace(failure(), message=words))
    with pytest.raises(JobFailed) as caught:
        await get(AsyncResult(job_id, app=app))
    assert caught.value.message == words


async def test_a_cancelled_job_is_revoked(driver: Driver, app: Celery) -> None:
    job_id = await driver.submit()
    await driver.cancel(job_id)
    result = AsyncResult(job_id, app=app)
    assert result.state == "REVOKED"
    with pytest.raises(JobFailed) as caught:
        await get(result)
    assert caught.value.kind is ErrorKind.CANCELLED


async def test_an_expired_job_is_a_failure_of_kind_expired(driver: Driver, app: Celery) -> None:
    job_id = await driver.submit(expires_in=1)
    driver.pass_seconds(1)
    await driver.rounds.expire(now=driver.now)
    with pytest.raises(JobFailed) as caught:
        await get(AsyncResult(job_id, app=app))
    assert caught.value.kind is ErrorKind.EXPIRED


async def test_a_job_that_nobody_works_on_yet_is_pending_for_celery(driver: Driver, app: Celery) -> None:
    job_id = await driver.submit()
    assert (AsyncResult(job_id, app=app).state, AsyncResult(job_id, app=app).info) == ("PENDING", None)
    assert not await driver.redis.exists(driver.keys.result(job_id)), "a backlog pays nothing for it"


async def test_a_get_that_already_waits_is_reported_at_once(driver: Driver, app: Celery) -> None:
    job_id = await driver.run_to_claim()
    waiting = asyncio.create_task(get(AsyncResult(job_id, app=app)))
    channel = driver.keys.result(job_id)
    while not dict(await driver.redis.pubsub_numsub(channel))[channel]:  # noqa: ASYNC110 # another process has no event
        await asyncio.sleep(0.01)
    await driver.settle(job_id, settlement=success())
    assert await waiting == RESULT


async def test_a_get_that_waits_for_a_result_larger_than_a_subscription_can_hold(
    driver: Driver, app: Celery
) -> None:
    job_id = await driver.run_to_claim()
    waiting = asyncio.create_task(get(AsyncResult(job_id, app=app)))
    channel = driver.keys.result(job_id)
    while not dict(await driver.redis.pubsub_numsub(channel))[channel]:  # noqa: ASYNC110 # another process has no event
        await asyncio.sleep(0.01)
    await driver.settle(job_id, settlement=dataclasses.replace(success(), result=large_result()))
    assert await waiting == large_result()


@pytest.mark.parametrize(("size", "published"), [(200_000, True), (300_000, False)])
async def test_a_large_result_goes_only_to_who_waits_for_that_job(
    driver: Driver, size: int, published: bool
) -> None:
    job_id = await driver.run_to_claim()
    pubsub = driver.redis.pubsub()
    await pubsub.psubscribe(f"{driver.keys.prefix}*")
    await pubsub.get_message(timeout=2)
    result = {**RESULT, "answer": {"text": "x" * size, "finish_reason": "stop"}}
    await driver.settle(job_id, settlement=dataclasses.replace(success(), result=result))
    told = {}
    while message := await pubsub.get_message(timeout=0.5):
        told[message["channel"]] = message["data"]
    await pubsub.aclose()
    assert told[driver.keys.key("ended", job_id)] == job_id
    assert (driver.keys.result(job_id) in told) is published


async def test_what_is_published_is_what_is_stored(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    pubsub = driver.redis.pubsub()
    await pubsub.subscribe(driver.keys.result(job_id))
    await pubsub.get_message(timeout=2)
    await driver.settle(job_id, settlement=success())
    message = await pubsub.get_message(timeout=2)
    await pubsub.aclose()
    stored = await driver.redis.get(driver.keys.result(job_id))
    assert message is not None
    assert message["data"] == stored
    assert set(json.loads(stored)) == {"status", "result", "traceback", "children", "date_done", "task_id"}


@pytest.mark.parametrize(
    "moment",
    ["2024-02-29T23:59:59.999", "2024-03-01T00:00:00.000", "2027-12-31T12:00:00.001", "2100-02-28T01:02:03.004"],
)
async def test_the_date_is_right_on_odd_days_too(driver: Driver, moment: str) -> None:
    wanted = datetime.datetime.fromisoformat(moment).replace(tzinfo=datetime.UTC)
    driver.now = round(wanted.timestamp() * 1000)
    job_id = await driver.run_to_claim()
    await driver.settle(job_id, settlement=success())
    stored = json.loads(await driver.redis.get(driver.keys.result(job_id)))
    assert datetime.datetime.fromisoformat(stored["date_done"]) == wanted
