"""A job that has ended can be forgotten, with all that is kept of it."""

from __future__ import annotations

import pytest

from pointsman.router.vocabulary.errors import Conflict, UnknownJob
from pointsman.router.vocabulary.job import JobSpec
from tests.support.store_driver import Driver, failure


async def test_a_dead_letter_is_forgotten_with_its_request(driver: Driver) -> None:
    await driver.announce()
    job_id = await driver.submit()
    await driver.bind(job_id)
    await driver.claim(job_id)
    await driver.settle(job_id, settlement=failure("invalid_request"))
    await driver.jobs.forget(job_id)
    with pytest.raises(UnknownJob):
        await driver.jobs.forget(job_id)
    assert [key async for key in driver.redis.scan_iter(match=f"*{job_id}*")] == []
    for name, value in (("finished", ""), ("state", "failed"), ("dead", "invalid_request")):
        assert await driver.redis.zcard(driver.keys.key(name, value)) == 0


async def test_a_job_that_has_not_ended_is_not_forgotten(driver: Driver) -> None:
    job_id = await driver.submit()
    with pytest.raises(Conflict, match="has not ended"):
        await driver.jobs.forget(job_id)
    assert (await driver.get(job_id)).id == job_id


async def test_a_forgotten_job_frees_its_idempotency_key(driver: Driver) -> None:
    spec = JobSpec(prompt="Hello", task_class="technical_support", idempotency_key="once")
    first = await driver.jobs.submit(spec)
    await driver.jobs.cancel(first)
    await driver.jobs.forget(first)
    assert await driver.jobs.submit(spec) != first


async def test_the_line_of_a_batch_stays(driver: Driver) -> None:
    job_id = await driver.submit()
    await driver.cancel(job_id)
    await driver.redis.hset(driver.keys.key("job", job_id), "batch", "batch_1")
    with pytest.raises(Conflict, match="belongs to a batch"):
        await driver.jobs.forget(job_id)
    assert (await driver.get(job_id)).batch == "batch_1"
