"""A job that Redis cannot hand out, or whose end it cannot write down, is put aside, and is not called for ever."""

from __future__ import annotations

import httpx
import pytest

from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.job import JobState
from pointsman.workers.executor import TaskReport
from tests.support.poison import FIELDS
from tests.support.store_driver import Driver
from tests.support.worker_attempts import Worker, answering


async def promoted(driver: Driver) -> None:
    """Let the wait of every delayed job be over."""
    for job_id in await driver.redis.zrange(driver.keys.key("delayed"), 0, -1):
        await driver.redis.zadd(driver.keys.key("delayed"), {job_id: 0})
    await driver.rounds.promote(now=driver.now)


@pytest.mark.parametrize(("field", "value"), [("deadline", "none"), ("attempts", "none")])
async def test_a_job_that_cannot_be_claimed_or_read_ends_and_is_never_called(
    worker: Worker, field: str, value: str
) -> None:
    driver, job_id = worker.driver, await worker.bound()
    lane = await driver.redis.hget(driver.keys.key("job", job_id), "lane")  # type: ignore[misc] # redis-py types are of both clients
    for binding in (1, 2, 3):
        await driver.redis.hset(driver.keys.key("job", job_id), field, value)  # type: ignore[misc] # redis-py types are of both clients
        await worker.attempt(job_id, binding=binding)
        state: str = await driver.redis.hget(driver.keys.key("job", job_id), "state") or ""  # type: ignore[misc] # redis-py types are of both clients
        if JobState(state).terminal:
            break
        await driver.redis.hset(driver.keys.key("job", job_id), "lane", lane or "")  # type: ignore[misc] # redis-py types are of both clients
        await promoted(driver)
        assert await driver.bind(job_id) == "bound"
    state = await driver.redis.hget(driver.keys.key("job", job_id), "state") or ""  # type: ignore[misc] # redis-py types are of both clients
    assert state == JobState.FAILED
    assert await driver.ledger() == ([], [])
    assert len(worker.got) <= 1


@pytest.mark.parametrize("damage", ["{", "[]", "7"])
async def test_a_decision_that_cannot_be_read_costs_the_job_nothing(worker: Worker, damage: str) -> None:
    driver, job_id = worker.driver, await worker.bound()
    await driver.redis.set(driver.keys.key("decision", job_id), damage)
    assert (await driver.get(job_id)).decision is None
    assert not (await worker.attempt(job_id)).failed
    await driver.redis.rpush(driver.keys.key("history", job_id), damage)  # type: ignore[misc] # redis-py types are of both clients
    record = await driver.get(job_id)
    assert (record.state, len(record.history)) == (JobState.SUCCEEDED, 1)


async def test_an_end_that_cannot_be_written_down_is_paid_for_once(worker: Worker) -> None:
    driver, job_id = worker.driver, await worker.bound()
    await driver.redis.set(driver.keys.key("history", job_id), "no list")
    report = await worker.attempt(job_id)
    assert "writing down how its call ended" in report.words
    await driver.redis.delete(driver.keys.key("history", job_id))
    record = await driver.get(job_id)
    assert record.state is JobState.FAILED
    assert record.error is not None
    assert record.error.kind is ErrorKind.QUARANTINED
    assert "WRONGTYPE" in record.error.message
    assert len(worker.got) == 1
    assert len(worker.leases) == 0
    assert await driver.ledger() == ([], [])


async def test_a_job_that_others_have_taken_care_of_is_left_alone(worker: Worker) -> None:
    driver, job_id = worker.driver, await worker.bound()
    await driver.work.put_aside(job_id, 7, "late", for_good=True)
    assert await driver.state(job_id) is JobState.BOUND


@pytest.mark.parametrize("value", [None, "", "none", "-1", "1e400", "|", "{"])
@pytest.mark.parametrize("damaged", ["before its claim", "during its call"])
async def test_any_field_may_be_damaged_and_no_attempt_fails_as_a_task(
    worker: Worker, value: str | None, damaged: str
) -> None:
    driver = worker.driver
    for field in FIELDS:
        key = driver.keys.key("job", job_id := await worker.bound())

        async def damage(request: httpx.Request, key: str = key, field: str = field) -> httpx.Response:
            await (driver.redis.hdel(key, field) if value is None else driver.redis.hset(key, field, value))  # type: ignore[misc] # redis-py types are of both clients
            return await answering(request)

        worker.behave = damage if damaged == "during its call" else answering
        if damaged == "before its claim":
            await damage(httpx.Request("GET", "http://x"))
        report = await worker.attempt(job_id)
        assert isinstance(report, TaskReport), field
    assert len(worker.leases) == 0
