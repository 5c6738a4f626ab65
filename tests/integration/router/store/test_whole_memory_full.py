"""A Redis with its memory full takes no new jobs, and lets everything that is under way come to its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from pointsman.local.embedded_redis import HOW_TO_INSTALL
from pointsman.router.store.calls import Change
from pointsman.router.vocabulary.errors import StoreUnavailable
from pointsman.router.vocabulary.job import JobSpec, JobState
from tests.support.redis_server import installed_servers, missing, running_redis
from tests.support.store_driver import RESULT, Driver, failure, success
from tests.support.webhook_driver import HERE, SECRET, Webhooks, again

SERVERS = installed_servers()
LANE = "technical_support|default|gpt-4,claude"


@pytest.fixture(params=SERVERS or ["none"])
def redis_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A server of this test's own: servers differ in what they still take while the memory is full."""
    if request.param not in SERVERS:
        missing(HOW_TO_INSTALL)
    with running_redis(tmp_path, binary=SERVERS[request.param]) as server:
        yield server.url


async def fill(redis: Redis) -> None:
    """Set the limit below what is in use, so that every write that may grow is refused."""
    used = (await redis.info("memory"))["used_memory"]
    await redis.config_set("maxmemory", used // 2)
    with pytest.raises(ResponseError):
        await redis.set("one more", "x")


async def test_a_submit_is_refused_and_leaves_nothing_behind(driver: Driver) -> None:
    await driver.submit()
    await fill(driver.redis)
    before = await driver.redis.keys("*")
    with pytest.raises(StoreUnavailable):
        await driver.jobs.submit(JobSpec(prompt="Hello", task_class="technical_support", idempotency_key="k"))
    assert sorted(await driver.redis.keys("*")) == sorted(before)
    await driver.redis.config_set("maxmemory", 0)
    assert len((await driver.jobs.list(JobState.PENDING)).jobs) == 1
    assert await driver.jobs.submit(JobSpec(prompt="Hello", task_class="technical_support", idempotency_key="k"))


async def test_what_is_bound_can_be_claimed_renewed_and_settled(driver: Driver) -> None:
    await driver.announce()
    job_id = await driver.submit()
    await driver.bind(job_id)
    await fill(driver.redis)
    assert await driver.claim(job_id) is not None
    assert await driver.renew(job_id)
    assert await driver.settle(job_id, settlement=success(tokens=10, latency_seconds=1.0)) is JobState.SUCCEEDED
    assert (await driver.get(job_id)).result is not None


async def test_a_big_result_is_kept_too(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    await fill(driver.redis)
    text = "x" * 2_000_000
    big = RESULT | {"answer": {"text": text, "finish_reason": "stop"}}
    assert await driver.settle(job_id, settlement=dataclasses.replace(success(), result=big)) is JobState.SUCCEEDED
    record = await driver.get(job_id)
    assert record.result is not None
    assert record.result.answer.text == text


async def test_a_failed_attempt_goes_back_and_a_lost_one_is_reaped(driver: Driver) -> None:
    await driver.reap()
    await driver.reap_for(2)
    failed = await driver.run_to_claim()
    lost = await driver.run_to_claim()
    await fill(driver.redis)
    again = failure(state=JobState.PENDING, lane=LANE, wait_seconds=5, cool_seconds=1)
    assert await driver.settle(failed, settlement=again) is JobState.PENDING
    assert await driver.reap_for(2) == (1, 0)
    assert await driver.state(lost) is JobState.PENDING


async def test_the_work_that_is_there_still_flows(driver: Driver) -> None:
    """Without workers announced, bindings and promotions the memory would stay full for good."""
    running = await driver.run_to_claim()
    bound = await driver.submit()
    await driver.bind(bound)
    waiting = await driver.submit()
    await driver.settle(running, settlement=failure(state=JobState.PENDING, lane=LANE, wait_seconds=1))
    await fill(driver.redis)
    driver.pass_seconds(1)
    await driver.announce(worker="w1")
    await driver.announce(worker="w2")
    assert await driver.rounds.promote(now=driver.now) == 1
    assert await driver.bind(waiting) == "bound"
    assert await driver.work.release(bound, 1)
    assert (await driver.cancel(bound)).after == "cancelled"


async def test_late_bindings_and_expired_jobs_are_looked_after(driver: Driver) -> None:
    await driver.announce(slots=8)
    running = await driver.submit(expires_in=2)
    waiting = await driver.submit(expires_in=3)
    others = [await driver.submit() for _ in range(8)]
    await driver.bind_many([running, *others])
    for job_id in (running, *others[:7]):
        await driver.claim(job_id)
    await fill(driver.redis)
    driver.pass_seconds(3)
    assert await driver.release_due() == 0  # behind busy workers: its deadline moves on
    assert await driver.rounds.expire(now=driver.now) == 1
    assert await driver.state(waiting) is JobState.EXPIRED


async def test_webhooks_are_owed_and_sent(driver: Driver) -> None:
    driver = Driver(
        driver.redis, settings=driver.settings.model_copy(update={"webhook_secrets": (SECRET,)}),
        catalog=driver.catalog,
    )  # fmt: skip
    hooks = Webhooks(driver)
    job_ids = [await driver.submit(webhook=HERE) for _ in range(2)]
    await fill(driver.redis)
    for job_id in job_ids:
        assert (await driver.cancel(job_id)).after == "cancelled"
    one, two = await hooks.ids()
    assert await hooks.queue() == [(one, 1), (two, 1)]
    await hooks.send(one)
    await hooks.send(two, settlement=again(5))
    driver.pass_seconds(6)
    assert await hooks.redeliver(one) == Change(before="delivered", after="waiting")
    assert sorted(await hooks.queue()) == sorted([(one, 2), (two, 2)])
