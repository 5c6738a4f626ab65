"""The whole way of one job, and the way back from every stop on it."""

from __future__ import annotations

from pointsman.router.vocabulary.job import JobState
from tests.support.store_driver import Driver, success


async def test_a_job_goes_from_submit_to_its_result(driver: Driver) -> None:
    job_id = await driver.submit()
    assert await driver.state(job_id) is JobState.PENDING
    await driver.announce()
    assert await driver.bind(job_id) == "bound"
    assert await driver.state(job_id) is JobState.BOUND
    assert await driver.queued() == [f"{job_id}.1"]
    claim = await driver.claim(job_id)
    assert claim is not None
    assert claim.attempt == 1
    assert claim.payload["chat"]["messages"][0]["content"] == "What is the answer?"
    assert await driver.state(job_id) is JobState.RUNNING
    assert await driver.renew(job_id)
    assert await driver.settle(job_id, settlement=success()) is JobState.SUCCEEDED
    record = await driver.get(job_id)
    assert record.result is not None
    assert record.result.answer.text == "42"
    assert record.attempts == 1
    assert len(record.history) == 1
    assert await driver.ledger() == ([], [])
