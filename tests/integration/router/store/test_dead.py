"""Dead letters: what failed or expired is kept with its request, found by kind and time, and may begin anew."""

from __future__ import annotations

import pytest

from pointsman.router.store import DeadStore, JobStore
from pointsman.router.store.calls import Change, ClassifiedJob, ClassifyJobs
from pointsman.router.vocabulary.errors import ErrorKind, UnknownJob
from pointsman.router.vocabulary.job import JobState
from pointsman.router.vocabulary.views import DeadFilter
from tests.support.store_driver import START, Driver, failure, success


@pytest.fixture
def dead(jobs: JobStore) -> DeadStore:
    return DeadStore(jobs)


async def failed(driver: Driver, kind: str = "timeout", **fields: object) -> str:
    job_id = await driver.run_to_claim(**fields)
    await driver.settle(job_id, settlement=failure(kind))
    return job_id


async def ids_of(dead: DeadStore, *, limit: int = 100, **which: object) -> list[str]:
    page = await dead.page(DeadFilter.model_validate(which), limit=limit)
    return [record.id for record in page.jobs]


async def test_they_are_listed_by_kind_and_time_the_last_to_end_first(driver: Driver, dead: DeadStore) -> None:
    first = await failed(driver, "timeout")
    driver.pass_seconds(60)
    second = await failed(driver, "invalid_request")
    driver.pass_seconds(60)
    third = await failed(driver, "timeout")
    alive = await driver.submit()
    succeeded = await driver.run_to_claim()
    await driver.settle(succeeded, settlement=success())
    assert await ids_of(dead) == [third, second, first]
    assert await ids_of(dead, kind="timeout") == [third, first]
    assert await ids_of(dead, kind=["timeout", "invalid_request"], since=START / 1000 + 30) == [third, second]
    assert await ids_of(dead, until=START / 1000 + 90) == [second, first]
    assert await ids_of(dead, model="claude") == []
    assert await ids_of(dead, task_class="technical_support") == [third, second, first]
    assert await driver.state(alive) is JobState.PENDING


async def test_pages_follow_each_other_and_leave_nobody_out_who_ended_in_the_same_millisecond(
    driver: Driver, dead: DeadStore
) -> None:
    jobs = []
    for at in range(12):
        jobs.append(await failed(driver, "timeout" if at % 2 else "connection"))
        driver.now += at % 3 == 2  # three in each millisecond
    found, until, pages = [], None, 0
    while pages < 12:
        page = await dead.page(DeadFilter(until=until), limit=2)
        found += [record.id for record in page.jobs]
        until, pages = page.cursor, pages + 1
        if until is None:
            break
    assert sorted(found) == sorted(jobs)
    assert pages <= 5


async def test_a_retry_begins_anew_in_the_old_place_with_the_old_history(driver: Driver, dead: DeadStore) -> None:
    job_id = await failed(driver, priority=7, expires_in=100)
    before = await driver.get(job_id)
    driver.pass_seconds(500)
    assert await driver.retry(job_id) == Change(before="failed", after="pending")
    record = await driver.get(job_id)
    assert (record.state, record.attempts, record.losses, record.error) == (JobState.PENDING, 0, 0, None)
    assert (record.expires, record.history) == (driver.now / 1000 + 100, before.history)
    assert await driver.redis.zrange(driver.keys.key("intake"), 0, -1, withscores=True) == [
        (job_id, 2 * 10**12 + 1)
    ], "priority 7, submit number 1; intake finds its lane again, by its class"
    assert await ids_of(dead) == []
    assert await driver.redis.ttl(driver.keys.key("job", job_id)) == -1
    assert not await driver.redis.exists(driver.keys.result(job_id))
    assert await driver.retry(job_id) == Change(before="pending", after="pending"), "a repeat changes nothing"


async def test_a_retried_job_can_come_to_another_end(driver: Driver) -> None:
    job_id = await failed(driver)
    await driver.retry(job_id)
    assert [unplaced.id for unplaced in (await driver.rounds.read_intake(10)).jobs] == [job_id]
    lane = "technical_support|default|gpt-4"
    classified = ClassifiedJob(id=job_id, task_class="technical_support", lane=lane, step="x")
    await driver.scripts.run(ClassifyJobs(dead_ms=60_000, jobs=[classified]))
    assert await driver.bind(job_id) == "bound"
    assert await driver.claim(job_id, 2) is None, "the retry itself took a number"
    claim = await driver.claim(job_id, 3)
    assert claim is not None
    assert (claim.attempt, claim.payload["chat"]["messages"][0]["content"]) == (1, "What is the answer?")
    await driver.settle(job_id, 3, settlement=success())
    record = await driver.get(job_id)
    assert (record.state, record.error, len(record.history)) == (JobState.SUCCEEDED, None, 2)


async def test_an_expired_job_may_be_retried_too(driver: Driver, dead: DeadStore) -> None:
    job_id = await driver.submit(expires_in=10)
    driver.pass_seconds(11)
    assert await driver.rounds.expire(now=driver.now) == 1
    assert await ids_of(dead, kind="expired") == [job_id]
    assert await driver.retry(job_id) == Change(before="expired", after="pending")


async def test_what_did_not_die_is_left_alone(driver: Driver, dead: DeadStore) -> None:
    succeeded = await driver.run_to_claim()
    await driver.settle(succeeded, settlement=success())
    cancelled = await driver.submit()
    await driver.cancel(cancelled)
    running = await driver.run_to_claim()
    assert await driver.retry(succeeded) == Change(before="succeeded", after="succeeded")
    assert await driver.retry(cancelled) == Change(before="cancelled", after="cancelled")
    assert await driver.retry(running) == Change(before="running", after="running")
    with pytest.raises(UnknownJob):
        await dead.retry("no-such-job-at-all")


async def test_a_page_is_retried_as_a_whole(driver: Driver, dead: DeadStore) -> None:
    jobs = [await failed(driver) for _ in range(3)]
    other = await failed(driver, "invalid_request")
    page = await dead.retry_page(DeadFilter(kind="timeout"), limit=100)
    assert (sorted(page.ids), page.cursor) == (sorted(jobs), None)
    assert await driver.state(other) is JobState.FAILED
    assert (await dead.retry_page(DeadFilter(kind="timeout"), limit=100)).ids == []


async def test_a_dead_letter_is_kept_longer_than_a_result_and_then_forgotten(driver: Driver) -> None:
    died = await failed(driver)
    succeeded = await driver.run_to_claim()
    await driver.settle(succeeded, settlement=success())
    keys, settings = driver.keys, driver.settings
    kept = await driver.redis.ttl(keys.key("job", died))
    assert settings.dead_ttl_seconds - 60 < kept <= settings.dead_ttl_seconds
    assert await driver.redis.ttl(keys.key("job", succeeded)) <= settings.result_ttl_seconds
    assert await driver.redis.exists(keys.key("request", died))
    assert not await driver.redis.exists(keys.key("request", succeeded))
    driver.pass_seconds(settings.dead_ttl_seconds + 1)
    assert await driver.rounds.prune(now=driver.now) == 2
    for kind in ErrorKind:
        assert not await driver.redis.exists(keys.key("dead", kind))


async def test_a_retried_job_gets_the_time_it_asked_for_and_not_its_old_delay(driver: Driver) -> None:
    job_id = await driver.submit(not_before=driver.now / 1000 + 1000, expires_in=60)
    driver.pass_seconds(1061)
    assert await driver.rounds.expire(now=driver.now) == 1
    await driver.retry(job_id)
    assert (await driver.get(job_id)).expires == driver.now / 1000 + 60


async def test_a_key_holds_as_long_as_a_dead_letter(driver: Driver) -> None:
    await driver.submit(idempotency_key="k", expires_in=100)
    kept = await driver.redis.pttl(driver.keys.key("idempotency", "default:k"))
    assert kept > 1000 * driver.settings.dead_ttl_seconds


async def test_a_damaged_dead_letter_keeps_no_other_from_being_retried(driver: Driver) -> None:
    bad, good = await driver.run_to_claim(), await driver.run_to_claim()
    for job_id in (bad, good):
        await driver.settle(job_id, settlement=failure())
    await driver.redis.hset(driver.keys.key("job", bad), "may_take", "for ever")
    store = DeadStore(driver.jobs)
    assert await store.retry_many([bad, good]) == [None, JobState.PENDING]
