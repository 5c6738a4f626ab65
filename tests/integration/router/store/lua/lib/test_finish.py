"""Cancel, expire, retry, promote and prune: how a job ends, or waits, and is forgotten."""

from __future__ import annotations

import pytest

from pointsman.router.dispatcher.upkeep import Upkeep
from pointsman.router.store.calls import Change
from pointsman.router.vocabulary.errors import ErrorKind, UnknownJob
from pointsman.router.vocabulary.job import JobState
from tests.support.store_driver import Driver, failure, success

LANE = "technical_support|default|gpt-4,claude"


async def in_state(driver: Driver, place: str, **fields: object) -> str:
    """Return a job that is in its lane, in intake, delayed, bound or running."""
    await driver.announce()
    if place == "intake":
        fields["task_class"] = None
    job_id = await driver.submit(**fields)
    if place in ("bound", "running", "delayed"):
        await driver.bind(job_id)
    if place in ("running", "delayed"):
        await driver.claim(job_id)
    if place == "delayed":
        await driver.settle(job_id, settlement=failure(state=JobState.PENDING, lane=LANE, wait_seconds=10))
    return job_id


async def holders(driver: Driver, job_id: str) -> list[str]:
    """Return the names of all queues, ledgers and indexes that hold the job."""
    keys = driver.keys
    names = [
        *(keys.key(name) for name in ("intake", "delayed", "deadlines")),
        *(keys.key("lane", lane) for lane in (LANE,)),
        keys.key("bound", "gpt-4"),
        keys.key("running", "gpt-4"),
        *(keys.key("state", state) for state in ("pending", "bound", "running")),
    ]
    return [name for name in names if await driver.redis.zscore(name, job_id) is not None]


@pytest.mark.parametrize("place", ["lane", "intake", "delayed", "bound", "running"])
async def test_a_job_is_cancelled_wherever_it_is(driver: Driver, place: str) -> None:
    job_id = await in_state(driver, place)
    assert (await driver.cancel(job_id)).after == "cancelled"
    record = await driver.get(job_id)
    assert record.state is JobState.CANCELLED
    assert record.error is not None
    assert record.error.message == "by the test"
    assert await holders(driver, job_id) == []
    assert await driver.lanes() == {}


async def test_the_cancel_of_a_running_job_reaches_its_worker(driver: Driver) -> None:
    job_id = await in_state(driver, "running")
    pubsub = driver.redis.pubsub()
    await pubsub.subscribe(driver.keys.key("cancelled"))
    await pubsub.get_message(timeout=2)
    await driver.cancel(job_id)
    message = await pubsub.get_message(timeout=2)
    assert message is not None
    assert message["data"] == job_id
    await pubsub.aclose()
    assert [attempt.kind for attempt in (await driver.get(job_id)).history] == [ErrorKind.CANCELLED]


async def test_an_ended_job_stays_as_it_is_when_cancelled(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    await driver.settle(job_id, settlement=success())
    assert await driver.cancel(job_id) == Change(before="succeeded", after="succeeded")
    assert (await driver.get(job_id)).result is not None


@pytest.mark.parametrize("place", ["lane", "intake", "delayed", "bound"])
async def test_a_waiting_job_expires_at_its_deadline(driver: Driver, place: str) -> None:
    job_id = await in_state(driver, place, expires_in=30)
    driver.pass_seconds(29)
    assert await driver.rounds.expire(now=driver.now) == 0
    driver.pass_seconds(1)
    assert await driver.rounds.expire(now=driver.now) == 1
    record = await driver.get(job_id)
    assert record.state is JobState.EXPIRED
    assert record.error is not None
    assert record.error.kind is ErrorKind.EXPIRED
    assert await holders(driver, job_id) == []


async def test_the_expiry_of_a_bound_job_drops_its_reservation(driver: Driver) -> None:
    await in_state(driver, "bound", expires_in=30)
    driver.pass_seconds(30)
    await driver.rounds.expire(now=driver.now)
    assert await driver.minute() == (0, 0)


async def test_a_running_job_is_left_to_its_worker_at_its_deadline(driver: Driver) -> None:
    job_id = await in_state(driver, "running", expires_in=30)
    driver.pass_seconds(31)
    assert await driver.rounds.expire(now=driver.now) == 0
    assert await driver.settle(job_id, settlement=success()) is JobState.SUCCEEDED


async def test_a_retry_that_would_come_after_the_deadline_expires_the_job_now(driver: Driver) -> None:
    job_id = await driver.run_to_claim(expires_in=30)
    end = failure(state=JobState.PENDING, lane=LANE, wait_seconds=40)
    assert await driver.settle(job_id, settlement=end) is JobState.EXPIRED
    record = await driver.get(job_id)
    assert record.error is not None
    assert "server_error: it broke" in record.error.message


async def test_a_retry_waits_its_time_and_then_takes_its_old_place(driver: Driver) -> None:
    job_id = await in_state(driver, "delayed")
    later = await driver.submit()
    record = await driver.get(job_id)
    assert record.not_before == driver.now / 1000 + 10
    assert (await driver.lanes())[LANE] == [later]
    assert (await driver.read()).next_due == driver.now + 10_000
    driver.pass_seconds(9)
    assert await driver.rounds.promote(now=driver.now) == 0
    driver.pass_seconds(1)
    assert await driver.rounds.promote(now=driver.now) == 1
    assert (await driver.lanes())[LANE] == [job_id, later]
    assert (await driver.get(job_id)).not_before is None


async def test_a_fallback_goes_to_the_lane_without_the_model(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    await driver.settle(job_id, settlement=failure(state=JobState.PENDING, lane="technical_support|default|claude"))
    assert await driver.lanes() == {"technical_support|default|claude": [job_id]}


async def test_an_attempt_that_does_not_count_is_recorded_and_not_spent(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    end = failure("rate_limited", JobState.PENDING, lane=LANE, spends_attempt=False, refused=True, cool_seconds=1)
    await driver.settle(job_id, settlement=end)
    record = await driver.get(job_id)
    assert (record.attempts, len(record.history)) == (0, 1)
    driver.pass_seconds(2)
    await driver.bind(job_id)
    claim = await driver.claim(job_id, 2)
    assert claim is not None
    assert (claim.attempt, claim.rate_limits) == (1, 1)


async def test_a_settle_closes_its_model_until_the_key_changes(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    end = failure("auth", JobState.PENDING, lane=LANE, stop="down", key_print="old")
    await driver.settle(job_id, settlement=end)
    await driver.announce(key_print="old")
    assert await driver.bind(job_id) == "closed"
    await driver.announce(key_print="new")
    assert await driver.bind(job_id) == "bound"


async def test_a_settle_pauses_its_model_until_it_is_resumed(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    await driver.settle(job_id, settlement=failure("quota_exhausted", JobState.PENDING, lane=LANE, stop="paused"))
    await driver.announce(key_print="new")
    assert await driver.bind(job_id) == "closed"
    assert "quota_exhausted" in (await driver.read()).states["gpt-4"].paused


async def test_a_shorter_cooling_never_replaces_a_longer_one(driver: Driver) -> None:
    first = await driver.run_to_claim()
    second = await driver.run_to_claim()
    for job_id, seconds in ((first, 100), (second, 5)):
        end = failure("rate_limited", JobState.PENDING, lane=LANE, cool_seconds=seconds)
        await driver.settle(job_id, settlement=end)
    assert (await driver.read()).states["gpt-4"].cooled_until == driver.now + 100_000


async def test_an_ended_job_is_forgotten_with_its_result(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    await driver.settle(job_id, settlement=success())
    ttl = driver.settings.result_ttl_seconds
    for name in (driver.keys.key("job", job_id), driver.keys.key("history", job_id), driver.keys.result(job_id)):
        assert 0 < await driver.redis.pttl(name) <= ttl * 1000
    assert await driver.rounds.prune(now=driver.now) == 0
    driver.pass_seconds(ttl)
    assert await driver.rounds.prune(now=driver.now) == 1
    assert await driver.redis.zscore(driver.keys.key("finished"), job_id) is None
    assert (await driver.jobs.list(JobState.SUCCEEDED)).jobs == []
    await driver.redis.delete(driver.keys.key("job", job_id))  # as Redis does when its time is over
    with pytest.raises(UnknownJob):
        await driver.get(job_id)


async def test_a_job_that_is_not_done_is_never_forgotten(driver: Driver) -> None:
    job_id = await driver.submit()
    assert await driver.redis.pttl(driver.keys.key("job", job_id)) == -1
    driver.pass_seconds(10 * driver.settings.result_ttl_seconds)
    assert await driver.rounds.prune(now=driver.now) == 0


async def test_one_look_ends_all_that_are_due_however_many_one_script_takes(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pointsman.router.store.rounds", "pointsman.router.dispatcher.upkeep"):
        monkeypatch.setattr(f"{module}.BATCH", 2)
    driver.now -= 10_000_000_000  # long ago by Redis's own clock, which upkeep goes by
    jobs = [await driver.submit(expires_in=1) for _ in range(5)]
    await Upkeep(driver.rounds, settings=driver.settings, dispatcher="d").once()
    assert [await driver.state(job_id) for job_id in jobs] == [JobState.EXPIRED] * 5
