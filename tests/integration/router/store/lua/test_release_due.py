"""Release: what was bound and not claimed goes back with its old place, and spends no attempt."""

from __future__ import annotations

import pytest

from pointsman.router.vocabulary.job import JobState
from tests.support.store_driver import Driver, failure

LANE = "technical_support|default|gpt-4,claude"


async def bind_many(driver: Driver, count: int) -> list[str]:
    submitted = [await driver.submit() for _ in range(count)]
    assert await driver.bind_many(submitted) == ["bound"] * count
    return submitted


async def test_a_released_job_takes_its_old_place_again(driver: Driver) -> None:
    await driver.announce()
    first, second, third = [await driver.submit() for _ in range(3)]
    await driver.bind(second)
    await driver.work.release(second, 1)
    assert (await driver.lanes())[LANE] == [first, second, third]
    record = await driver.get(second)
    assert (record.state, record.attempts, record.losses) == (JobState.PENDING, 0, 0)


async def test_every_binding_gets_a_number_that_was_never_used(driver: Driver) -> None:
    await driver.announce()
    job_id = await driver.submit()
    for binding in range(1, 4):
        await driver.bind(job_id)
        assert (await driver.get(job_id)).binding == binding
        assert await driver.work.release(job_id, binding)


async def test_a_binding_is_not_released_before_its_deadline(driver: Driver) -> None:
    await driver.announce()
    (job_id,) = await bind_many(driver, 1)
    driver.pass_seconds(0.9)
    assert await driver.release_due() == 0
    assert await driver.state(job_id) is JobState.BOUND


async def test_a_binding_whose_message_was_lost_goes_back(driver: Driver) -> None:
    await driver.announce()
    (job_id,) = await bind_many(driver, 1)
    await driver.redis.delete(driver.keys.queue("gpt-4"))
    driver.pass_seconds(1.1)
    assert await driver.release_due() == 1
    assert (await driver.lanes())[LANE] == [job_id]
    assert await driver.bind(job_id) == "bound"


async def test_a_message_that_waits_behind_busy_workers_is_not_late(driver: Driver) -> None:
    await driver.announce(slots=8)
    *busy, waiting = await bind_many(driver, 9)
    for job_id in busy:
        await driver.claim(job_id)
    driver.pass_seconds(1.1)
    assert await driver.release_due() == 0
    assert await driver.state(waiting) is JobState.BOUND
    assert await driver.release_due() == 0  # its deadline has moved on
    driver.pass_seconds(1.1)
    await driver.redis.delete(driver.keys.queue("gpt-4"))  # now the message is lost
    assert await driver.release_due() == 1


async def test_a_message_that_idle_workers_leave_in_the_queue_goes_back_and_is_taken_out(driver: Driver) -> None:
    await driver.announce(slots=8)
    first, second = await bind_many(driver, 2)
    driver.pass_seconds(1.1)
    await driver.claim(second)
    assert await driver.release_due() == 1
    assert await driver.state(first) is JobState.PENDING
    assert f"{first}.1" not in await driver.queued()


async def test_a_model_without_workers_gives_everything_back_and_its_queue_is_empty(driver: Driver) -> None:
    await driver.announce(slots=8)
    submitted = await bind_many(driver, 8)
    await driver.work.withdraw("w1", ["gpt-4"])
    assert await driver.release_due(all_of_them=True) == 8
    assert await driver.queued() == []
    assert (await driver.lanes())[LANE] == submitted
    assert await driver.ledger() == ([], [])


async def test_what_runs_is_not_given_back(driver: Driver) -> None:
    await driver.announce()
    running, _ = await bind_many(driver, 2)
    await driver.claim(running)
    assert await driver.release_due(all_of_them=True) == 1
    assert await driver.state(running) is JobState.RUNNING


async def test_releases_in_a_row_without_any_claim_cool_the_model(driver: Driver) -> None:
    await driver.announce()
    (job_id,) = await bind_many(driver, 1)
    for _ in range(5):
        driver.pass_seconds(1.1)
        assert await driver.release_due() == 1
        answer = await driver.bind(job_id)
    assert answer == "closed"
    driver.pass_seconds(31)
    assert await driver.bind(job_id) == "bound"


async def test_messages_that_are_lost_while_workers_take_others_do_not_cool_the_model(driver: Driver) -> None:
    await driver.announce(slots=8)
    *lost, taken = await bind_many(driver, 8)
    driver.pass_seconds(0.1)
    await driver.claim(taken)
    await driver.redis.delete(driver.keys.queue("gpt-4"))
    driver.pass_seconds(1.1)
    assert await driver.release_due() == len(lost) == 7
    assert await driver.bind(lost[0]) == "bound"


async def test_a_claim_resets_the_count_of_releases(driver: Driver) -> None:
    await driver.announce()
    job_id, other = await bind_many(driver, 2)
    for _ in range(2):
        driver.pass_seconds(1.1)
        assert await driver.release_due() == 2
        await driver.bind_many([job_id, other])
    await driver.claim(other, 3)
    driver.pass_seconds(1.1)
    assert await driver.release_due() == 1
    assert await driver.bind(job_id) == "bound"


async def test_cooling_for_unclaimed_releases_never_shortens_a_longer_one(driver: Driver) -> None:
    await driver.announce()
    limited, *rest = await bind_many(driver, 4)
    await driver.claim(limited)
    end = failure("rate_limited", JobState.PENDING, lane=LANE, cool_seconds=300, spends_attempt=False)
    await driver.settle(limited, settlement=end)
    await driver.redis.hset(driver.keys.key("model", "gpt-4"), "unclaimed", 4)
    driver.pass_seconds(1.1)
    assert await driver.release_due() == len(rest)
    driver.pass_seconds(100)
    assert await driver.bind(limited) == "closed"


@pytest.mark.parametrize("given_back", ["retry", "reap"])
async def test_a_job_keeps_its_place_through_retry_and_reap(driver: Driver, given_back: str) -> None:
    await driver.announce()
    await driver.reap()
    first, second, third = [await driver.submit(priority=3) for _ in range(3)]
    urgent = await driver.submit(priority=4)
    await driver.bind(second)
    await driver.claim(second)
    if given_back == "retry":
        await driver.settle(second, settlement=failure(state=JobState.PENDING, lane=LANE))
    else:
        await driver.reap_for(5)
    assert (await driver.lanes())[LANE] == [urgent, first, second, third]


async def test_what_reaches_a_worker_of_a_cooled_model_goes_back_uncalled(driver: Driver) -> None:
    await driver.announce()
    first, second = await bind_many(driver, 2)
    assert await driver.claim(first) is not None
    await driver.settle(first, settlement=failure("rate_limited", JobState.PENDING, lane=LANE, cool_seconds=30))
    assert await driver.claim(second) is None
    record = await driver.get(second)
    assert (record.state, record.attempts, record.history) == (JobState.PENDING, 0, ())
    assert second in (await driver.lanes())[LANE]
    assert await driver.ledger() == ([], [])
    driver.pass_seconds(31)
    assert await driver.bind(second) == "bound"
    assert await driver.claim(second, 2) is not None
