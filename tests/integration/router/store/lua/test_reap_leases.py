"""Reap: the jobs of a dead worker run again within one lease; losses are counted apart from attempts."""

from __future__ import annotations

from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.job import JobState
from tests.support.store_driver import Driver

LANE = "technical_support|default|gpt-4,claude"


async def running(driver: Driver, **fields: object) -> str:
    """Return a claimed job of a system whose reaping runs without a gap."""
    await driver.reap()
    await driver.reap_for(3)
    return await driver.run_to_claim(**fields)


async def test_a_dead_workers_job_goes_back_after_one_lease(driver: Driver) -> None:
    job_id = await running(driver)
    assert await driver.reap_for(1) == (0, 0)
    assert await driver.reap_for(1) == (1, 0)
    assert (await driver.lanes())[LANE] == [job_id]
    assert await driver.ledger() == ([], [])


async def test_a_renewed_lease_is_not_reaped(driver: Driver) -> None:
    job_id = await running(driver)
    for _ in range(10):
        assert await driver.reap_for(1) == (0, 0)
        assert await driver.renew(job_id)
    assert await driver.state(job_id) is JobState.RUNNING


async def test_a_reaped_binding_is_stale(driver: Driver) -> None:
    job_id = await running(driver)
    await driver.reap_for(2)
    assert not await driver.renew(job_id)
    await driver.announce()
    await driver.bind(job_id)
    assert await driver.claim(job_id, 1) is None
    assert await driver.claim(job_id, 2) is not None


async def test_a_loss_is_counted_apart_from_attempts_and_recorded(driver: Driver) -> None:
    job_id = await running(driver)
    await driver.reap_for(2)
    record = await driver.get(job_id)
    assert (record.losses, record.attempts) == (1, 0)
    (lost,) = record.history
    assert (lost.kind, lost.worker, lost.model) == (ErrorKind.WORKER_LOST, "w1", "gpt-4")
    assert lost.ended is not None
    assert lost.ended - lost.started == 2


async def test_after_a_gap_in_reaping_nothing_is_reaped_for_one_lease(driver: Driver) -> None:
    job_id = await running(driver)
    driver.pass_seconds(60)  # Redis, or every dispatcher, was away
    assert await driver.reap() == (0, 0)
    driver.pass_seconds(1)
    assert await driver.renew(job_id)  # a healthy worker has its chance
    assert await driver.reap_for(1) == (0, 0)
    assert await driver.reap_for(2) == (1, 0)


async def test_a_second_gap_starts_a_new_lease_of_patience(driver: Driver) -> None:
    await running(driver)
    driver.pass_seconds(60)
    assert await driver.reap() == (0, 0)
    driver.pass_seconds(2.5)
    assert await driver.reap() == (0, 0)
    assert await driver.reap_for(2) == (1, 0)


async def test_a_job_that_kills_its_workers_ends_after_the_last_loss(driver: Driver) -> None:
    job_id = await running(driver)
    for loss in range(1, driver.settings.max_losses + 1):
        back, ended = await driver.reap_for(2)
        assert (back, ended) == ((1, 0) if loss < driver.settings.max_losses else (0, 1))
        if back:
            await driver.announce()
            await driver.bind(job_id)
            await driver.claim(job_id, loss + 1)
    record = await driver.get(job_id)
    assert record.state is JobState.FAILED
    assert record.error is not None
    assert record.error.kind is ErrorKind.WORKER_LOST
    assert len(record.history) == driver.settings.max_losses


async def test_a_lost_job_past_its_deadline_expires(driver: Driver) -> None:
    job_id = await running(driver, expires_in=2)
    await driver.reap_for(7)
    record = await driver.get(job_id)
    assert record.state is JobState.EXPIRED
    assert record.error is not None
    assert record.error.kind is ErrorKind.EXPIRED
