"""Which ends of jobs somebody is told of, and which webhooks are refused."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import JobStore
from pointsman.router.store.calls import RejectedJob, RejectJobs
from pointsman.router.vocabulary.delivery import DeliveryState
from pointsman.router.vocabulary.errors import ErrorKind, InvalidJob
from pointsman.router.vocabulary.job import JobSpec
from tests.support.store_driver import Driver, failure, success
from tests.support.webhook_driver import HERE, SECRET, Webhooks


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"webhook_secrets": (SECRET,), "webhook_waits_seconds": (5.0, 300.0)})


@pytest.fixture
def hooks(driver: Driver) -> Webhooks:
    return Webhooks(driver)


async def _succeed(driver: Driver, **fields: Any) -> str:
    job_id = await driver.run_to_claim(**fields)
    await driver.settle(job_id, settlement=success())
    return job_id


async def _fail(driver: Driver, **fields: Any) -> str:
    job_id = await driver.run_to_claim(**fields)
    await driver.settle(job_id, settlement=failure())
    return job_id


async def _cancel(driver: Driver, **fields: Any) -> str:
    job_id = await driver.submit(**fields)
    await driver.cancel(job_id)
    return job_id


async def _expire_waiting(driver: Driver, **fields: Any) -> str:
    job_id = await driver.submit(expires_in=10, **fields)
    driver.pass_seconds(11)
    assert await driver.rounds.expire(now=driver.now) == 1
    return job_id


async def _expire_at_claim(driver: Driver, **fields: Any) -> str:
    job_id = await driver.submit(expires_in=10, **fields)
    await driver.announce()
    assert await driver.bind(job_id) == "bound"
    driver.pass_seconds(11)
    assert await driver.claim(job_id) is None
    return job_id


async def _lose(driver: Driver, **fields: Any) -> str:
    job_id = await driver.run_to_claim(expires_in=1, **fields)
    await driver.reap_for(3)
    return job_id


async def _reject(driver: Driver, **fields: Any) -> str:
    job_id = await driver.submit(task_class=None, **fields)
    why = "too long for every model"
    rejected = RejectedJob(id=job_id, task_class="", kind=ErrorKind.CONTEXT_TOO_LONG, message=why)
    await driver.scripts.run(RejectJobs(now=driver.now, dead_ms=60_000, jobs=[rejected]))
    return job_id


ENDS = [
    (_succeed, "job.succeeded"),
    (_fail, "job.failed"),
    (_reject, "job.failed"),
    (_cancel, "job.cancelled"),
    (_expire_waiting, "job.expired"),
    (_expire_at_claim, "job.expired"),
    (_lose, "job.expired"),
]


@pytest.mark.parametrize(("end", "event"), ENDS)
async def test_every_end_of_a_job_with_a_webhook_is_owed_once(
    driver: Driver, hooks: Webhooks, end: Any, event: str
) -> None:
    job_id = await end(driver, webhook=HERE)
    [delivery_id] = await hooks.ids()
    delivery = await hooks.get(delivery_id)
    assert (delivery.event, delivery.about, delivery.tenant, delivery.url) == (event, job_id, "default", HERE)
    assert (delivery.state, delivery.tries, delivery.created) == (DeliveryState.WAITING, (), driver.now / 1000)


@pytest.mark.parametrize(("end", "event"), ENDS)
async def test_a_job_without_a_webhook_leaves_nothing_of_one(driver: Driver, end: Any, event: str) -> None:
    job_id = await end(driver)
    fields = await driver.redis.hkeys(driver.keys.key("job", job_id))
    assert {"webhook", "keep"} & set(fields) == set()
    keys = [key async for key in driver.redis.scan_iter(match=f"{driver.keys.root}deliver*")]
    assert keys == []


async def test_a_webhook_is_reported_only_of_the_events_that_it_names(driver: Driver, hooks: Webhooks) -> None:
    asked = {"url": HERE, "events": ["job.failed", "job.expired"]}
    await _succeed(driver, webhook=asked)
    assert await hooks.ids() == []
    failed = await _fail(driver, webhook=asked)
    assert [(await hooks.get(found)).about for found in await hooks.ids()] == [failed]


async def test_the_own_webhook_of_a_tenant_is_notified_of_its_jobs_alone(
    redis: Redis, settings: Settings, catalog: Catalog
) -> None:
    own = Settings.model_validate(
        {**settings.model_dump(), "webhooks": {"acme": {"url": HERE, "events": ["job.cancelled"]}}}
    )
    driver = Driver(redis, settings=own, catalog=catalog)
    hooks = Webhooks(driver)
    theirs = await driver.submit(tenant="acme")
    for job_id in (await driver.submit(tenant="other"), theirs):
        await driver.cancel(job_id)
    [delivery_id] = await hooks.ids()
    delivery = await hooks.get(delivery_id)
    assert (delivery.about, delivery.tenant, delivery.url) == (theirs, "acme", None)
    [(_, number)] = await hooks.queue()
    owed = await hooks.claim(delivery_id, number)
    assert owed is not None
    assert owed.target == "*"


async def test_a_dead_letter_that_begins_anew_is_delivered_again(driver: Driver, hooks: Webhooks) -> None:
    job_id = await _fail(driver, webhook=HERE)
    await driver.retry(job_id)
    await driver.cancel(job_id)
    events = [(await hooks.get(found)).event for found in await hooks.ids()]
    assert events == ["job.failed", "job.cancelled"]


async def test_the_record_of_a_job_is_kept_until_the_last_try(driver: Driver, hooks: Webhooks) -> None:
    short = driver.settings.model_copy(update={"result_ttl_seconds": 1.0})
    brief = Driver(driver.redis, settings=short, catalog=driver.catalog)
    with_one, without = await _succeed(brief, webhook=HERE), await _succeed(brief)
    left = [await driver.redis.pttl(driver.keys.key("job", job_id)) for job_id in (with_one, without)]
    assert left[0] > 300_000 * 1.2
    assert left[1] <= 1000


async def test_without_a_secret_a_webhook_is_refused(redis: Redis, settings: Settings, catalog: Catalog) -> None:
    jobs = JobStore(redis, settings=settings.model_copy(update={"webhook_secrets": ()}), catalog=catalog)
    with pytest.raises(InvalidJob, match="POINTSMAN_WEBHOOK_SECRETS") as caught:
        await jobs.submit(JobSpec(prompt="hello", webhook=HERE))
    assert caught.value.field == "webhook"


async def test_a_private_address_is_refused_at_once_and_a_name_only_when_it_is_called(jobs: JobStore) -> None:
    with pytest.raises(InvalidJob, match="POINTSMAN_WEBHOOK_ALLOW"):
        await jobs.submit(JobSpec(prompt="hello", webhook="http://10.0.0.1/"))
    assert await jobs.submit(JobSpec(prompt="hello", webhook="http://localhost/"))
