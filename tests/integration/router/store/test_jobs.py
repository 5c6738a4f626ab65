"""Submit and classify: a job is written once, into one lane or into intake."""

from __future__ import annotations

import pytest

from pointsman.router.store import JobStore
from pointsman.router.store.calls import Change
from pointsman.router.vocabulary.errors import Conflict, InvalidJob, UnknownJob
from pointsman.router.vocabulary.job import JobSpec, JobState
from pointsman.router.vocabulary.lanes import Lane
from tests.support.store_driver import Driver

SUPPORT = "technical_support|default|gpt-4,claude"


async def test_a_job_with_a_class_waits_in_the_lane_of_its_class_tenant_and_candidates(driver: Driver) -> None:
    job_id = await driver.submit(tenant="acme")
    assert await driver.lanes() == {"technical_support|acme|gpt-4,claude": [job_id]}


async def test_a_pinned_job_waits_in_the_lane_of_its_model(driver: Driver) -> None:
    job_id = await driver.submit(model="claude")
    assert await driver.lanes() == {"@claude|default|claude": [job_id]}


async def test_a_job_without_a_class_waits_in_intake_until_it_is_classified(driver: Driver) -> None:
    job_id = await driver.submit("Write a poem", task_class=None)
    assert await driver.lanes() == {}
    (row,) = (await driver.rounds.read_intake(10)).jobs
    assert (row.id, row.tenant, row.task_class) == (job_id, "default", None)
    lane = Lane("creative_writing", "default", ("claude", "gemini"))
    assert await driver.rounds.classify([(job_id, lane, "keyword 'poem'")]) == 1
    assert await driver.lanes() == {str(lane): [job_id]}
    assert (await driver.get(job_id)).task_class == "creative_writing"


async def test_a_job_that_another_dispatcher_has_classified_is_passed_over(driver: Driver) -> None:
    job_id = await driver.submit(task_class=None)
    first = Lane("creative_writing", "default", ("claude", "gemini"))
    second = Lane("general_information", "default", ("gemini",))
    assert await driver.rounds.classify([(job_id, first, "test")]) == 1
    assert await driver.rounds.classify([(job_id, second, "test")]) == 0
    assert await driver.lanes() == {str(first): [job_id]}


async def test_a_cancelled_job_is_not_classified_any_more(driver: Driver) -> None:
    job_id = await driver.submit(task_class=None)
    await driver.cancel(job_id)
    lane = Lane("creative_writing", "default", ("claude",))
    assert await driver.rounds.classify([(job_id, lane, "test")]) == 0
    assert await driver.lanes() == {}


async def test_the_same_request_under_the_same_id_is_accepted_once(jobs: JobStore) -> None:
    spec = JobSpec(id="job-00000001", prompt="Hello", task_class="technical_support")
    assert await jobs.submit(spec) == await jobs.submit(spec) == "job-00000001"
    assert len((await jobs.list(JobState.PENDING)).jobs) == 1


async def test_the_same_request_under_the_same_idempotency_key_returns_the_first_id(jobs: JobStore) -> None:
    spec = JobSpec(idempotency_key="order-7", prompt="Hello", task_class="technical_support")
    first, second = await jobs.submit_many([spec, spec])
    assert first == second
    assert len((await jobs.list(JobState.PENDING)).jobs) == 1


async def test_the_same_idempotency_key_of_another_tenant_is_another_job(jobs: JobStore) -> None:
    one = JobSpec(idempotency_key="order-7", prompt="Hello", tenant="acme")
    other = JobSpec(idempotency_key="order-7", prompt="Hello", tenant="umbrella")
    assert await jobs.submit(one) != await jobs.submit(other)


@pytest.mark.parametrize("known_by", [{"id": "job-00000001"}, {"idempotency_key": "order-7"}])
async def test_another_request_under_a_known_id_or_key_is_a_conflict(
    jobs: JobStore, known_by: dict[str, str]
) -> None:
    first = await jobs.submit(JobSpec(prompt="Hello", **known_by))
    with pytest.raises(Conflict) as caught:
        await jobs.submit(JobSpec(prompt="Good bye", **known_by))
    assert caught.value.job_id == first


async def test_a_repeated_submit_of_an_ended_job_does_not_run_it_again(driver: Driver) -> None:
    spec = JobSpec(id="job-00000001", prompt="Hello", task_class="technical_support")
    await driver.jobs.submit(spec)
    await driver.cancel("job-00000001")
    assert await driver.jobs.submit(spec) == "job-00000001"
    assert await driver.state("job-00000001") is JobState.CANCELLED
    assert await driver.lanes() == {}


async def test_an_unknown_class_or_model_is_reported_with_the_known_ones_and_nothing_is_written(
    jobs: JobStore,
) -> None:
    good = JobSpec(prompt="Hello", task_class="technical_support")
    with pytest.raises(InvalidJob, match="technical_support"):
        await jobs.submit_many([good, JobSpec(prompt="Hello", task_class="cooking")])
    with pytest.raises(InvalidJob, match="gpt-4"):
        await jobs.submit(JobSpec(prompt="Hello", model="gpt-99"))
    assert (await jobs.list(JobState.PENDING)).jobs == []


async def test_a_job_that_was_never_submitted_is_unknown(jobs: JobStore) -> None:
    with pytest.raises(UnknownJob):
        await jobs.get("never-seen")
    with pytest.raises(UnknownJob):
        await jobs.cancel("never-seen")


async def test_jobs_are_listed_by_state_the_last_one_first_in_pages(driver: Driver) -> None:
    submitted = [await driver.submit() for _ in range(5)]
    page = await driver.jobs.list(JobState.PENDING, limit=3)
    rest = await driver.jobs.list(JobState.PENDING, limit=3, cursor=page.cursor)
    assert [job.id for job in (*page.jobs, *rest.jobs)] == submitted[::-1]
    assert rest.cursor is None


async def test_a_submit_wakes_the_dispatchers(driver: Driver) -> None:
    pubsub = driver.redis.pubsub(ignore_subscribe_messages=True)
    await pubsub.subscribe(driver.keys.key("wake"))
    while await pubsub.get_message(timeout=0.2):
        pass
    await driver.submit()
    assert await pubsub.get_message(ignore_subscribe_messages=True, timeout=2)
    await pubsub.aclose()


async def test_intake_is_read_by_the_megabyte_and_never_not_at_all(driver: Driver) -> None:
    huge = [await driver.submit("word " * 300_000, task_class=None) for _ in range(2)]
    small = [await driver.submit("word", task_class=None) for _ in range(3)]
    assert [job.id for job in (await driver.rounds.read_intake(10)).jobs] == huge[:1]
    for job_id in huge:
        await driver.cancel(job_id)
    assert [job.id for job in (await driver.rounds.read_intake(10)).jobs] == small


async def test_a_job_with_a_start_waits_for_it_and_its_time_counts_from_there(driver: Driver) -> None:
    job_id = await driver.submit(not_before=driver.now / 1000 + 100, expires_in=50)
    record = await driver.get(job_id)
    assert (record.not_before, record.expires) == (driver.now / 1000 + 100, driver.now / 1000 + 150)
    assert await driver.lanes() == {}
    assert (await driver.read()).next_due == driver.now + 100_000
    driver.pass_seconds(99)
    assert await driver.rounds.promote(now=driver.now) == 0
    driver.pass_seconds(1)
    assert await driver.rounds.promote(now=driver.now) == 1
    assert await driver.lanes() == {"technical_support|default|gpt-4,claude": [job_id]}
    assert (await driver.get(job_id)).not_before is None


async def test_a_job_that_waits_for_its_start_can_be_cancelled(driver: Driver) -> None:
    job_id = await driver.submit(not_before=driver.now / 1000 + 100)
    assert await driver.cancel(job_id) == Change(before="pending", after="cancelled")
    driver.pass_seconds(101)
    assert await driver.rounds.promote(now=driver.now) == 0


async def test_a_start_in_the_past_is_now(driver: Driver) -> None:
    job_id = await driver.submit(not_before=driver.now / 1000 - 100, expires_in=50)
    assert (await driver.get(job_id)).expires == driver.now / 1000 + 50
    assert await driver.lanes() == {"technical_support|default|gpt-4,claude": [job_id]}


@pytest.mark.parametrize("damage", ["state", "no hash"])
async def test_a_damaged_record_is_missing_from_what_is_read_of_many(driver: Driver, damage: str) -> None:
    good, bad = await driver.submit(), await driver.submit()
    await driver.cancel(good)
    if damage == "no hash":
        await driver.redis.delete(driver.keys.key("job", bad))
        await driver.redis.set(driver.keys.key("job", bad), "what is this?")
    else:
        await driver.redis.hset(driver.keys.key("job", bad), "state", "of another version")
    await driver.redis.zadd(driver.keys.key("state", "cancelled"), {bad: 99})
    page = await driver.jobs.list(JobState.CANCELLED)
    assert [record.id for record in page.jobs] == [good]
    assert [record and record.id for record in await driver.jobs.get_many([bad, good])] == [None, good]
    if damage == "state":
        assert [record.id for record in await driver.jobs.ended([bad, good])] == [good]
    with pytest.raises(UnknownJob):
        await driver.jobs.get(bad)
