"""Faults are counted with the job, wherever it is: the first two make it wait, the third ends it."""

from __future__ import annotations

import pytest

from pointsman.router.store.calls import FaultJobs, FaultyJob
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.job import JobState
from tests.support.store_driver import Driver, failure, success
from tests.support.store_invariants import Invariants

LANE = "technical_support|default|gpt-4,claude"


async def fault(driver: Driver, *jobs: FaultyJob) -> list[str]:
    return list(await driver.scripts.run(FaultJobs(now=driver.now, dead_ms=60_000, jobs=jobs)))


def waiting(job_id: str, *, lane: str = LANE) -> FaultyJob:
    return FaultyJob(id=job_id, message="it broke\n  here", lane=lane, for_good=False)


def held(job_id: str, binding: int = 1, *, for_good: bool = False) -> FaultyJob:
    return FaultyJob(id=job_id, message="it broke", binding=binding, for_good=for_good)


async def test_a_job_waits_longer_after_each_fault_and_ends_after_the_third(driver: Driver) -> None:
    job_id = await driver.submit()
    invariants = Invariants(driver)
    for seconds in (1, 10):
        assert await fault(driver, waiting(job_id)) == ["delayed"]
        await invariants.check([job_id])
        driver.pass_seconds(seconds - 0.1)
        assert await driver.rounds.promote(now=driver.now) == 0
        driver.pass_seconds(0.2)
        assert await driver.rounds.promote(now=driver.now) == 1
        assert await driver.lanes() == {LANE: [job_id]}
    assert await fault(driver, waiting(job_id)) == ["quarantined"]
    await invariants.check([job_id])
    record = await driver.get(job_id)
    assert record.state is JobState.FAILED
    assert record.error is not None
    assert (record.error.kind, record.error.message) == (ErrorKind.QUARANTINED, "it broke\n  here")
    assert (await driver.retry(job_id)).after == "pending"
    await invariants.check([job_id])


async def test_a_job_of_intake_goes_back_there(driver: Driver) -> None:
    job_id = await driver.submit(task_class=None)
    assert await fault(driver, waiting(job_id, lane="")) == ["delayed"]
    driver.pass_seconds(2)
    await driver.rounds.promote(now=driver.now)
    await Invariants(driver).check([job_id])
    assert [job.id for job in (await driver.rounds.read_intake(5)).jobs] == [job_id]


async def test_the_same_fault_twice_and_one_that_comes_late_count_once(driver: Driver) -> None:
    job_id, other = await driver.submit(), await driver.submit()
    assert await fault(driver, waiting(job_id), waiting(job_id)) == ["delayed", "gone"]
    await driver.announce()
    await driver.bind(other)
    assert await fault(driver, waiting(other)) == ["gone"]
    assert await driver.state(other) is JobState.BOUND


@pytest.mark.parametrize("claimed", [False, True])
async def test_a_held_job_leaves_its_ledger_and_what_was_reserved_for_it(driver: Driver, claimed: bool) -> None:
    await driver.announce()
    job_id = await driver.submit()
    await driver.bind(job_id)
    if claimed:
        await driver.claim(job_id)
    assert await fault(driver, held(job_id, 2)) == ["gone"], "under another binding"
    assert await fault(driver, held(job_id)) == ["delayed"]
    await Invariants(driver).check([job_id])
    assert await driver.ledger() == ([], [])
    assert await driver.settle(job_id, settlement=success()) is None, "its binding is stale"


async def test_what_must_not_be_tried_again_ends_at_once(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    assert await fault(driver, held(job_id, for_good=True)) == ["quarantined"]
    assert await driver.state(job_id) is JobState.FAILED
    await Invariants(driver).check([job_id])


async def test_only_faults_in_a_row_count(driver: Driver) -> None:
    job_id = await driver.submit()
    await driver.announce()
    for binding in (1, 2, 3, 4):
        assert await fault(driver, waiting(job_id)) == ["delayed"]
        driver.pass_seconds(11)
        await driver.rounds.promote(now=driver.now)
        assert await driver.bind(job_id) == "bound"
        assert await driver.claim(job_id, binding)
        end = failure("timeout", JobState.PENDING, lane=LANE)
        assert await driver.settle(job_id, binding, settlement=end) is JobState.PENDING


async def test_a_job_that_has_ended_stays_as_it_is(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    await driver.settle(job_id, settlement=success())
    assert await fault(driver, held(job_id), waiting(job_id)) == ["gone", "gone"]
    assert await driver.state(job_id) is JobState.SUCCEEDED


async def test_a_deadline_ends_the_wait_after_a_fault(driver: Driver) -> None:
    job_id = await driver.submit(expires_in=5)
    await fault(driver, waiting(job_id))
    driver.pass_seconds(6)
    assert await driver.rounds.expire(now=driver.now) == 1
    await Invariants(driver).check([job_id])
