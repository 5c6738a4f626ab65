"""The fence: only the current binding may claim, renew, settle or release; what is sent twice is done once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic_core import PydanticSerializationError

from pointsman.router.vocabulary.job import JobState
from tests.support.store_driver import Driver, failure, success

LANE = "technical_support|default|gpt-4,claude"


async def bound_again(driver: Driver) -> str:
    """Return a job whose first binding was released and whose second one is bound."""
    await driver.announce()
    job_id = await driver.submit()
    await driver.bind(job_id)
    await driver.work.release(job_id, 1)
    await driver.bind(job_id)
    return job_id


async def test_a_stale_binding_cannot_claim(driver: Driver) -> None:
    job_id = await bound_again(driver)
    assert await driver.claim(job_id, 1) is None
    assert await driver.state(job_id) is JobState.BOUND
    assert await driver.claim(job_id, 2) is not None


async def test_a_stale_binding_cannot_be_released(driver: Driver) -> None:
    job_id = await bound_again(driver)
    assert not await driver.work.release(job_id, 1)
    assert await driver.state(job_id) is JobState.BOUND


async def test_a_stale_binding_cannot_renew(driver: Driver) -> None:
    job_id = await bound_again(driver)
    await driver.claim(job_id, 2)
    assert not await driver.renew(job_id, 1)
    assert await driver.renew(job_id, 2)


async def test_a_stale_binding_cannot_settle_and_leaves_no_trace(driver: Driver) -> None:
    job_id = await bound_again(driver)
    await driver.claim(job_id, 2)
    assert await driver.settle(job_id, 1, settlement=success()) is None
    record = await driver.get(job_id)
    assert (record.state, record.history, record.result) == (JobState.RUNNING, (), None)


async def test_a_claimed_binding_cannot_be_released(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    assert not await driver.work.release(job_id, 1)
    assert await driver.state(job_id) is JobState.RUNNING


async def test_an_unclaimed_binding_cannot_settle(driver: Driver) -> None:
    await driver.announce()
    job_id = await driver.submit()
    await driver.bind(job_id)
    assert await driver.settle(job_id, 1, settlement=success()) is None
    assert await driver.state(job_id) is JobState.BOUND


async def test_a_doubled_message_is_claimed_once(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    assert await driver.claim(job_id, 1, worker="w2") is None
    assert (await driver.get(job_id)).attempts == 1


async def test_a_resent_claim_returns_the_same_claim(driver: Driver) -> None:
    await driver.announce()
    job_id = await driver.submit()
    await driver.bind(job_id)
    first = await driver.claim(job_id, token="once")
    assert first is not None
    assert await driver.claim(job_id, token="once") == first
    assert (await driver.get(job_id)).attempts == 1


async def test_a_resent_claim_after_the_settle_is_stale(driver: Driver) -> None:
    await driver.announce()
    job_id = await driver.submit()
    await driver.bind(job_id)
    await driver.claim(job_id, token="once")
    await driver.settle(job_id, settlement=success())
    assert await driver.claim(job_id, token="once") is None


async def test_a_resent_settle_returns_its_first_answer(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    for _ in range(2):
        assert await driver.settle(job_id, settlement=success(), token="once") is JobState.SUCCEEDED
    assert len((await driver.get(job_id)).history) == 1


async def test_a_resent_settle_returns_its_first_answer_even_after_the_job_was_bound_anew(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    end = failure(state=JobState.PENDING, lane=LANE)
    assert await driver.settle(job_id, settlement=end, token="once") is JobState.PENDING
    await driver.bind(job_id)
    await driver.claim(job_id, 2)
    assert await driver.settle(job_id, 1, settlement=end, token="once") is JobState.PENDING
    assert await driver.settle(job_id, 1, settlement=success(), token="another") is None
    record = await driver.get(job_id)
    assert (record.state, record.attempts, len(record.history)) == (JobState.RUNNING, 2, 1)


async def test_a_second_settle_of_the_same_binding_is_stale(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    await driver.settle(job_id, settlement=success())
    assert await driver.settle(job_id, settlement=failure()) is None
    assert await driver.state(job_id) is JobState.SUCCEEDED


async def test_a_cancelled_job_can_be_neither_claimed_nor_settled(driver: Driver) -> None:
    running = await driver.run_to_claim()
    bound = await driver.submit()
    await driver.bind(bound)
    for job_id in (running, bound):
        await driver.cancel(job_id)
    assert await driver.claim(bound) is None
    assert not await driver.renew(running)
    assert await driver.settle(running, settlement=success()) is None
    assert await driver.state(running) is JobState.CANCELLED


async def test_a_message_for_a_job_that_nobody_knows_is_dropped(driver: Driver) -> None:
    assert await driver.claim("never-seen") is None
    assert not await driver.work.release("never-seen", 1)
    assert not await driver.renew("never-seen")
    assert await driver.settle("never-seen", settlement=success()) is None


async def test_a_lease_is_never_renewed_past_the_end_of_its_attempt(driver: Driver) -> None:
    await driver.announce()
    job_id = await driver.submit()
    await driver.bind(job_id)
    await driver.claim(job_id, timeout_seconds=3)
    driver.pass_seconds(7)
    await driver.renew(job_id)
    lease_end = await driver.redis.zscore(driver.keys.key("running", "gpt-4"), job_id)
    assert lease_end == driver.now + 1000  # 3 s of timeout and 5 s in which it may still be settled


async def test_an_attempt_may_take_what_is_left_of_the_jobs_deadline(driver: Driver) -> None:
    await driver.announce()
    job_id = await driver.submit(expires_in=20)
    await driver.bind(job_id)
    driver.pass_seconds(5)
    claim = await driver.claim(job_id, timeout_seconds=60)
    assert claim is not None
    assert (claim.timeout_seconds, claim.limited_by_deadline) == (15, True)


async def test_a_job_claimed_after_its_deadline_expires(driver: Driver) -> None:
    await driver.announce()
    job_id = await driver.submit(expires_in=20)
    await driver.bind(job_id)
    driver.pass_seconds(20)
    assert await driver.claim(job_id) is None
    assert await driver.state(job_id) is JobState.EXPIRED
    assert await driver.minute() == (0, 0)


async def test_a_settle_that_cannot_be_read_changes_nothing(driver: Driver) -> None:
    job_id = await driver.run_to_claim()
    with pytest.raises(PydanticSerializationError, match="attempt"):
        await driver.settle(job_id, settlement=replace(failure(), attempt="no record"))  # type: ignore[arg-type] # damage on purpose
    assert await driver.state(job_id) is JobState.RUNNING
    assert (await driver.ledger())[1] == [job_id]
    assert await driver.settle(job_id, settlement=success()) is JobState.SUCCEEDED


async def test_a_request_that_cannot_be_read_is_no_claim(driver: Driver) -> None:
    job_id = await driver.submit()
    await driver.announce()
    await driver.bind(job_id)
    await driver.redis.set(driver.keys.key("request", job_id), "z not deflated")
    with pytest.raises(ValueError, match="Incorrect padding"):
        await driver.claim(job_id)
