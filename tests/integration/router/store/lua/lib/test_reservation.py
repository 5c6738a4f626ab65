"""Requests and tokens per minute: counted from the bind, for 61 s from the claim, corrected at the settle."""

from __future__ import annotations

import pytest

from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.facts import read_facts
from pointsman.router.vocabulary.job import JobState
from tests.support.store_driver import Driver, failure, success

LANE = "technical_support|default|gpt-4,claude"


@pytest.fixture
def catalog(catalog: Catalog) -> Catalog:
    """gpt-4 may have 3 requests a minute, claude 2 000 tokens a minute; a job is estimated at some 520 tokens."""
    data = catalog.model_dump()
    data["models"]["gpt-4"]["limits"] |= {"requests_per_minute": 3, "smooth": False}
    data["models"]["claude"]["limits"] |= {"tokens_per_minute": 2_000, "smooth": False}
    return Catalog.model_validate(data)


async def submit_many(driver: Driver, count: int) -> list[str]:
    await driver.announce("gpt-4", 50)
    await driver.announce("claude", 50)
    return [await driver.submit() for _ in range(count)]


async def tokens_of(driver: Driver, job_id: str) -> int:
    return read_facts(await driver.redis.hget(driver.keys.key("job", job_id), "facts")).tokens


async def test_no_more_requests_than_the_limit_are_bound(driver: Driver) -> None:
    submitted = await submit_many(driver, 5)
    assert await driver.bind_many(submitted) == ["bound"] * 3 + ["limited"] * 2
    assert (await driver.minute())[0] == 3


async def test_no_more_tokens_than_the_limit_are_bound(driver: Driver) -> None:
    submitted = await submit_many(driver, 5)
    each = await tokens_of(driver, submitted[0])
    fit = 2_000 // each
    assert await driver.bind_many(submitted, "claude") == ["bound"] * fit + ["limited"] * (5 - fit)
    assert await driver.minute("claude") == (fit, fit * each)


async def test_a_request_counts_until_one_minute_after_it_has_reached_the_vendor(driver: Driver) -> None:
    submitted = await submit_many(driver, 4)
    await driver.bind_many(submitted[:3])
    driver.pass_seconds(300)  # not claimed: it counts however long it takes
    assert await driver.bind(submitted[3]) == "limited"
    for job_id in submitted[:3]:
        await driver.claim(job_id)
    driver.pass_seconds(60.9)
    assert await driver.bind(submitted[3]) == "limited"
    driver.pass_seconds(0.1)
    assert await driver.bind(submitted[3]) == "bound"
    assert (await driver.minute())[0] == 1


async def test_a_settled_request_still_counts_for_its_minute(driver: Driver) -> None:
    submitted = await submit_many(driver, 4)
    await driver.bind_many(submitted[:3])
    for job_id in submitted[:3]:
        await driver.claim(job_id)
        await driver.settle(job_id, settlement=success())
    assert await driver.bind(submitted[3]) == "limited"


async def test_the_round_says_when_the_minute_lets_go_of_something(driver: Driver) -> None:
    (job_id,) = await submit_many(driver, 1)
    await driver.bind(job_id)
    assert (await driver.read()).states["gpt-4"].opens_at() is None  # only a claim can start the minute
    await driver.claim(job_id)
    assert (await driver.read()).states["gpt-4"].opens_at() == driver.now + 61_000


@pytest.mark.parametrize(("used", "left"), [(100, 100), (1_900, 1_900)])
async def test_tokens_are_corrected_to_the_real_usage(driver: Driver, used: int, left: int) -> None:
    (job_id,) = await submit_many(driver, 1)
    await driver.bind(job_id, "claude")
    await driver.claim(job_id)
    await driver.settle(job_id, settlement=success(tokens=used))
    assert await driver.minute("claude") == (1, left)
    driver.pass_seconds(61)
    assert await driver.minute("claude") == (0, 0)


async def test_a_call_that_used_no_tokens_leaves_the_minute_like_any_other(driver: Driver) -> None:
    [job_id] = await submit_many(driver, 1)
    await driver.bind(job_id)
    await driver.claim(job_id)
    await driver.settle(job_id, settlement=success(tokens=0))
    assert await driver.minute() == (1, 0)
    driver.pass_seconds(61)
    assert await driver.minute() == (0, 0)


async def test_a_correction_that_comes_after_the_minute_changes_nothing(driver: Driver) -> None:
    (job_id,) = await submit_many(driver, 1)
    await driver.bind(job_id, "claude")
    await driver.claim(job_id, timeout_seconds=600)
    driver.pass_seconds(61)
    assert await driver.minute("claude") == (0, 0)
    await driver.settle(job_id, settlement=success(tokens=900))
    assert await driver.minute("claude") == (0, 0)


async def test_a_failed_call_without_usage_keeps_its_estimate(driver: Driver) -> None:
    (job_id,) = await submit_many(driver, 1)
    await driver.bind(job_id, "claude")
    before = await driver.minute("claude")
    await driver.claim(job_id)
    await driver.settle(job_id, settlement=failure())
    assert await driver.minute("claude") == before


async def test_a_release_drops_the_reservation(driver: Driver) -> None:
    first, second = await submit_many(driver, 2)
    await driver.bind_many([first, second], "claude")
    await driver.work.release(first, 1)
    assert await driver.minute("claude") == (1, await tokens_of(driver, second))
    await driver.release_due("claude", all_of_them=True)
    assert await driver.minute("claude") == (0, 0)


async def test_the_cancel_of_a_bound_job_drops_its_reservation(driver: Driver) -> None:
    (job_id,) = await submit_many(driver, 1)
    await driver.bind(job_id, "claude")
    await driver.cancel(job_id)
    assert await driver.minute("claude") == (0, 0)


async def test_the_cancel_of_a_running_job_keeps_its_reservation_for_the_call_was_made(driver: Driver) -> None:
    (job_id,) = await submit_many(driver, 1)
    await driver.bind(job_id, "claude")
    await driver.claim(job_id)
    await driver.cancel(job_id)
    assert (await driver.minute("claude"))[0] == 1


async def test_each_binding_of_a_job_counts_by_itself(driver: Driver) -> None:
    (job_id,) = await submit_many(driver, 1)
    await driver.bind(job_id)
    await driver.claim(job_id)
    await driver.settle(job_id, settlement=failure(state=JobState.PENDING, lane=LANE))
    await driver.bind(job_id)
    assert (await driver.minute())[0] == 2


async def test_a_job_larger_than_the_whole_minute_goes_when_the_minute_is_empty(driver: Driver) -> None:
    small, other = await submit_many(driver, 2)
    huge = await driver.submit("word " * 3_000)
    assert await driver.bind_many([small, huge], "claude") == ["bound", "limited"]
    await driver.claim(small)
    driver.pass_seconds(61)
    assert await driver.bind_many([huge, other], "claude") == ["bound", "limited"]
