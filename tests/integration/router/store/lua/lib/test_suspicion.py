"""A model that may hang is suspect, and gets one job now and then until it answers; so does one that is down."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.model_state import ModelState
from pointsman.router.store import ModelStore, Settlement
from pointsman.router.vocabulary.job import JobState
from pointsman.router.vocabulary.model import Breaker
from tests.support.store_driver import Driver, failure, success

RULES = Breaker(min_calls=1000, suspect_after=3)
FIVE_MINUTES = 300


@pytest.fixture
def catalog(catalog: Catalog) -> Catalog:
    """Three faults in a row make gpt-4 suspect, and its breaker never opens."""
    model = catalog.models["gpt-4"].model_copy(update={"breaker": RULES})
    return catalog.model_copy(update={"models": {**catalog.models, "gpt-4": model}})


async def start(driver: Driver, count: int = 1, *, slots: int = 100) -> list[str]:
    """Submit, bind and claim so many jobs."""
    await driver.announce(slots=slots)
    job_ids = [await driver.submit() for _ in range(count)]
    assert set(await driver.bind_many(job_ids)) == {"bound"}
    for job_id in job_ids:
        assert await driver.claim(job_id) is not None
    return job_ids


async def end(driver: Driver, job_id: str, how: Settlement) -> None:
    await driver.settle(job_id, settlement=replace(how, breaker=RULES))


async def call(driver: Driver, *ends: Settlement) -> None:
    """Make one call after the other, each of which takes a second and ends so."""
    for how in ends:
        (job_id,) = await start(driver)
        driver.pass_seconds(1)
        await end(driver, job_id, how)


async def gpt_4(driver: Driver) -> ModelState:
    return (await driver.read()).states["gpt-4"]


async def suspected(driver: Driver) -> None:
    await call(driver, *[failure()] * RULES.suspect_after)
    assert (await gpt_4(driver)).suspected


async def test_faults_in_a_row_make_a_model_suspect_and_an_answer_between_them_does_not(driver: Driver) -> None:
    await call(driver, failure(), failure(), success())
    await call(driver, failure(), failure("worker_lost"), failure("connection"))
    assert not (await gpt_4(driver)).suspected
    await call(driver, failure("overloaded"))
    state = await gpt_4(driver)
    assert state.suspect == "3 faults in a row, the last one: overloaded"
    assert state.closed_because(0) == f"suspect: {state.suspect}; probed with one job in 5.0 s"


async def test_a_call_that_times_out_is_enough_where_nothing_was_answered_since_it_began(driver: Driver) -> None:
    hung, answered = await start(driver, 2)
    driver.pass_seconds(2)
    await end(driver, answered, success(latency_seconds=2.0))
    driver.pass_seconds(28)
    await end(driver, hung, failure("timeout"))
    assert not (await gpt_4(driver)).suspected
    (hung,) = await start(driver)
    driver.pass_seconds(30)
    await end(driver, hung, failure("timeout"))
    assert (await gpt_4(driver)).suspect == "a call timed out, and none was answered since it began"


async def test_calls_in_flight_for_far_longer_than_usual_make_a_model_suspect_before_they_time_out(
    driver: Driver,
) -> None:
    await call(driver, *[success(latency_seconds=1.0)] * 25)
    first, second, third = await start(driver, 3)
    driver.pass_seconds(2)
    assert not (await gpt_4(driver)).suspected
    driver.pass_seconds(2)
    state = await gpt_4(driver)
    assert re.match(r"3 of 3 calls in flight take longer than [23]\.\d s, 3 times", state.suspect)
    await end(driver, first, success(latency_seconds=4.0))
    assert not (await gpt_4(driver)).down
    await end(driver, second, success(latency_seconds=4.0))
    await end(driver, third, success(latency_seconds=4.0))
    assert not (await gpt_4(driver)).suspected, "it was slow, and nothing else"


async def test_while_others_are_answered_a_few_long_calls_make_nobody_suspect(driver: Driver) -> None:
    await call(driver, *[success(latency_seconds=1.0)] * 25)
    await start(driver, 4)
    for _ in range(5):
        driver.pass_seconds(2)
        await call(driver, success(latency_seconds=1.0))
        assert not (await gpt_4(driver)).suspected


async def test_a_call_that_began_before_clears_nothing_after_faults_in_a_row(driver: Driver) -> None:
    (before,) = await start(driver)
    await suspected(driver)
    await end(driver, before, success())
    assert (await gpt_4(driver)).suspected


async def test_a_reply_that_refuses_the_request_is_an_answer(driver: Driver) -> None:
    await suspected(driver)
    driver.pass_seconds(5)
    await call(driver, failure("content_filtered"))
    assert not (await gpt_4(driver)).suspected


async def test_calls_that_an_older_version_ended_are_not_overdue(driver: Driver) -> None:
    await call(driver, *[success(latency_seconds=1.0)] * 25)
    await start(driver)
    for ghost in ("gone-1", "gone-2"):
        await driver.redis.zadd(driver.keys.key("started", "gpt-4"), {ghost: driver.now - 60_000})
    driver.pass_seconds(2.9)
    assert not (await gpt_4(driver)).suspected


async def test_a_new_key_clears_a_model_that_was_suspect_before_it_was_down(driver: Driver) -> None:
    await suspected(driver)
    driver.pass_seconds(5)
    (probe,) = await start(driver)
    await refuse(driver, probe, certain=True)
    await driver.announce(slots=100, key_print="k2", worker="w2")
    assert (await gpt_4(driver)).closed_because(0) is None
    assert await driver.bind(await driver.submit()) == "bound"


async def test_what_an_older_version_closed_is_probed_too(driver: Driver) -> None:
    await driver.announce(slots=100, key_print="old")
    fields = {"down": "auth: old", "down_key": "old"}
    await driver.redis.hset(driver.keys.key("model", "gpt-4"), mapping=fields)
    assert (await gpt_4(driver)).closed_because(0) == "down: auth: old; probed with one job in 300.0 s"


async def test_a_model_that_is_down_stays_so_whatever_its_breaker_does(driver: Driver) -> None:
    for job_id in await start(driver, 2):
        await refuse(driver, job_id, certain=True)
    await driver.redis.hset(driver.keys.key("breaker", "gpt-4"), "open_until", driver.now - 1)
    state = await gpt_4(driver)
    assert state.breaker == "half_open"
    assert (state.closed_because(0) or "").startswith("down: auth")
    assert await driver.bind(await driver.submit()) == "closed"


async def test_one_slow_call_among_many_makes_nobody_suspect(driver: Driver) -> None:
    await call(driver, *[success(latency_seconds=1.0)] * 25)
    await start(driver, 1)
    driver.pass_seconds(10)
    await start(driver, 4)
    assert not (await gpt_4(driver)).suspected


async def test_a_suspect_model_gets_one_job_at_a_time_ever_more_seldom_until_it_answers(driver: Driver) -> None:
    await suspected(driver)
    ids = [await driver.submit() for _ in range(4)]
    assert set(await driver.bind_many(ids)) == {"full"}
    for wait in (5, 10, 20, 40, 60, 60):
        driver.pass_seconds(wait - 1)
        assert set(await driver.bind_many(ids)) == {"full"}
        driver.pass_seconds(1)
        assert await driver.bind_many(ids) == ["bound", "full", "full", "full"]
        assert (await gpt_4(driver)).closed_because(0) is not None
        assert await driver.claim(ids[0]) is not None
        await end(driver, ids.pop(0), failure())
        ids.append(await driver.submit())
    driver.pass_seconds(60)
    assert (await driver.bind_many(ids))[0] == "bound"
    assert await driver.claim(ids[0]) is not None
    await end(driver, ids[0], success())
    assert (await gpt_4(driver)).closed_because(0) is None
    assert set(await driver.bind_many(ids[1:])) == {"bound"}


async def test_what_was_bound_before_goes_back_and_a_probe_does_not(driver: Driver) -> None:
    await driver.announce(slots=100)
    ids = [await driver.submit() for _ in range(2)]
    await driver.bind_many(ids)
    await suspected(driver)
    assert await driver.claim(ids[0]) is None
    assert (await driver.jobs.get(ids[0])).state is JobState.PENDING
    assert await driver.release_due(all_of_them=True) == 1
    driver.pass_seconds(5)
    assert await driver.bind(ids[0]) == "bound"
    assert await driver.release_due(all_of_them=True) == 0
    assert await driver.claim(ids[0], 2) is not None


async def test_a_probe_that_is_lost_leaves_room_for_the_next(driver: Driver) -> None:
    await suspected(driver)
    ids = [await driver.submit() for _ in range(2)]
    driver.pass_seconds(5)
    assert await driver.bind_many(ids) == ["bound", "full"]
    await driver.cancel(ids[0])
    driver.pass_seconds(10)
    assert await driver.bind(ids[1]) == "bound"


async def test_a_job_remembers_who_failed_it_until_it_is_retried_by_hand(driver: Driver) -> None:
    (job_id,) = await start(driver)
    await end(driver, job_id, failure("timeout", JobState.PENDING, lane="technical_support|default|gpt-4,claude"))
    await driver.announce("claude", worker="w2")
    assert await driver.bind(job_id, "claude") == "bound"
    claim = await driver.claim(job_id, 2)
    assert claim is not None
    assert claim.failed_by == ("gpt-4",)
    again = failure("rate_limited", JobState.PENDING, lane="technical_support|default|gpt-4,claude")
    await driver.settle(job_id, 2, settlement=again)
    (head,) = (await driver.read()).lanes[0].jobs
    assert head.failed_by == ("gpt-4",), "a rate limit is no fault of the model's"
    driver.pass_seconds(60)
    assert await driver.bind(job_id) == "bound"
    assert await driver.claim(job_id, 3) is not None
    await driver.settle(job_id, 3, settlement=failure("server_error"))
    await driver.retry(job_id)
    assert await driver.redis.hget(driver.keys.key("job", job_id), "failed_by") is None


async def refuse(driver: Driver, job_id: str, *, certain: bool, binding: int = 1) -> None:
    how = failure("auth", stop="down", certain=certain, key_print="k1")
    await driver.settle(job_id, binding, settlement=replace(how, breaker=RULES))


async def test_a_refusal_that_may_be_the_requests_closes_a_model_after_three_jobs_in_a_row(driver: Driver) -> None:
    ids = await start(driver, 6)
    for job_id in ids[:2]:
        await refuse(driver, job_id, certain=False)
    await end(driver, ids[2], success())
    for job_id in ids[3:5]:
        await refuse(driver, job_id, certain=False)
        assert not (await gpt_4(driver)).down
    await refuse(driver, ids[5], certain=False)
    assert (await gpt_4(driver)).down == "auth: it broke"


async def test_the_same_job_counts_once(driver: Driver) -> None:
    (job_id,) = await start(driver)
    lane = "technical_support|default|gpt-4"
    for binding in range(1, 5):
        how = failure("auth", JobState.PENDING, stop="down", certain=False, lane=lane)
        await driver.settle(job_id, binding, settlement=replace(how, breaker=RULES))
        assert not (await gpt_4(driver)).down
        await driver.bind(job_id)
        assert await driver.claim(job_id, binding + 1) is not None


async def test_a_certain_refusal_closes_at_once_and_is_probed_ever_more_seldom_until_an_answer(
    driver: Driver,
) -> None:
    still_running, refused = await start(driver, 2)
    await refuse(driver, refused, certain=True)
    assert (await gpt_4(driver)).closed_because(0) == "down: auth: it broke; probed with one job in 300.0 s"
    await end(driver, still_running, success())
    assert (await gpt_4(driver)).down, "what began before tells nothing of the key as it is now"
    for wait in (FIVE_MINUTES, 2 * FIVE_MINUTES, 4 * FIVE_MINUTES):
        ids = [await driver.submit() for _ in range(2)]
        driver.pass_seconds(wait - 1)
        await driver.announce(slots=100, key_print="k1")
        assert set(await driver.bind_many(ids)) == {"closed"}
        driver.pass_seconds(1)
        assert await driver.bind_many(ids) == ["bound", "full"]
        assert await driver.claim(ids[0]) is not None
        await refuse(driver, ids[0], certain=True)
    driver.pass_seconds(8 * FIVE_MINUTES)
    await driver.announce(slots=100, key_print="k1")
    probe = await driver.submit()
    assert await driver.bind(probe) == "bound"
    assert await driver.claim(probe) is not None
    await end(driver, probe, success())
    assert (await gpt_4(driver)).closed_because(0) is None


async def test_a_resume_forgets_all(driver: Driver, settings: Settings, catalog: Catalog) -> None:
    await suspected(driver)
    await ModelStore(driver.redis, settings=settings, catalog=catalog).resume("gpt-4")
    assert (await gpt_4(driver)).closed_because(0) is None


async def test_a_model_without_a_breaker_never_becomes_suspect(driver: Driver) -> None:
    for _ in range(10):
        (job_id,) = await start(driver)
        driver.pass_seconds(60)
        await driver.settle(job_id, settlement=failure("timeout"))
    assert not (await gpt_4(driver)).suspected
