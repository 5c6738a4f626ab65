"""The breaker of a model: opened by its own faults, half-open with a few probes, closed by their answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.model_state import ModelState
from pointsman.router.store import ModelStore, Settlement
from pointsman.router.vocabulary.job import JobState
from pointsman.router.vocabulary.model import Breaker
from tests.support.store_driver import Driver, failure, success

RULES = Breaker(window_seconds=10, min_calls=4, open_seconds=5, max_open_seconds=12, probes=2)


@pytest.fixture
def catalog(catalog: Catalog) -> Catalog:
    """The breaker of gpt-4 opens when half of at least four calls fail, for 5 s, and lets two probes through."""
    model = catalog.models["gpt-4"].model_copy(update={"breaker": RULES})
    return catalog.model_copy(update={"models": {**catalog.models, "gpt-4": model}})


async def start(driver: Driver, count: int) -> list[str]:
    """Submit, bind and claim so many jobs."""
    await driver.announce(slots=100)
    job_ids = [await driver.submit() for _ in range(count)]
    assert set(await driver.bind_many(job_ids)) == {"bound"}
    for job_id in job_ids:
        assert await driver.claim(job_id) is not None
    return job_ids


async def end(driver: Driver, job_id: str, how: Settlement, *, token: str = "") -> None:
    await driver.settle(job_id, settlement=replace(how, breaker=RULES), token=token)


async def call(driver: Driver, *ends: Settlement) -> None:
    """Start a call for each of these ends and end it so."""
    for job_id, how in zip(await start(driver, len(ends)), ends, strict=True):
        await end(driver, job_id, how)


async def gpt_4(driver: Driver) -> ModelState:
    return (await driver.read()).states["gpt-4"]


async def opened(driver: Driver) -> None:
    """Open the breaker."""
    await call(driver, *[failure("timeout")] * 4)
    assert (await gpt_4(driver)).breaker == "open"


async def half_opened(driver: Driver) -> list[str]:
    """Open the breaker, let its time pass, and return the jobs that wait."""
    waiting = [await driver.submit() for _ in range(4)]
    await opened(driver)
    driver.pass_seconds(5)
    return waiting


async def test_it_opens_when_enough_calls_failed_by_the_models_own_fault(driver: Driver) -> None:
    await call(driver, failure("timeout"), failure("server_error"), success())
    assert (await gpt_4(driver)).breaker == "closed", "three calls are too few"
    await call(driver, success())
    state = await gpt_4(driver)
    assert (state.breaker, state.breaker_why) == ("open", "2 of 4 calls failed")
    assert state.open_until == driver.now + 5000
    assert await driver.bind(await driver.submit()) == "closed"


async def test_answers_keep_it_closed_and_what_is_not_the_models_fault_does_not_count(driver: Driver) -> None:
    await call(driver, *[success()] * 5, *[failure("server_error")] * 4)
    kinds = ("rate_limited", "invalid_request", "content_filtered", "context_too_long", "worker_lost", "expired")
    await call(driver, *[failure(kind) for kind in kinds])
    assert (await gpt_4(driver)).breaker == "closed"


async def test_a_settle_that_comes_twice_counts_once(driver: Driver) -> None:
    jobs = await start(driver, 2)
    for job_id in jobs:
        for _ in range(3):
            await end(driver, job_id, failure("timeout"), token=f"settle {job_id}")
    assert (await gpt_4(driver)).breaker == "closed"


async def test_faults_are_forgotten_when_the_window_has_passed(driver: Driver) -> None:
    await call(driver, *[failure("timeout")] * 3)
    driver.pass_seconds(11)
    await call(driver, failure("timeout"))
    assert (await gpt_4(driver)).breaker == "closed"


async def test_a_binding_that_reaches_a_worker_after_it_opened_goes_back_to_its_lane(driver: Driver) -> None:
    await driver.announce(slots=100)
    bound = await driver.submit()
    await driver.bind(bound)
    await opened(driver)
    assert await driver.claim(bound) is None
    assert await driver.state(bound) is JobState.PENDING


async def test_when_its_time_is_over_a_few_probes_go_through_and_no_more(driver: Driver) -> None:
    waiting = await half_opened(driver)
    assert (await gpt_4(driver)).breaker == "half_open"
    assert await driver.bind_many(waiting) == ["bound", "bound", "full", "full"]
    assert (await gpt_4(driver)).probes_left == 0
    assert await driver.bind(waiting[2]) == "full", "whoever asks"


async def test_as_many_answers_as_probes_close_it(driver: Driver) -> None:
    waiting = await half_opened(driver)
    for job_id in waiting[:2]:
        assert (await gpt_4(driver)).breaker == "half_open"
        await driver.bind(job_id)
        await driver.claim(job_id)
        await end(driver, job_id, success())
    state = await gpt_4(driver)
    assert (state.breaker, state.probes) == ("closed", 0)
    assert await driver.bind_many(waiting[2:]) == ["bound", "bound"]


async def test_a_probe_that_fails_opens_it_again_for_twice_as_long_up_to_the_most(driver: Driver) -> None:
    waiting = await half_opened(driver)
    for job_id, seconds in zip(waiting, (10, 12, 12), strict=False):
        await driver.bind(job_id)
        await driver.claim(job_id)
        await end(driver, job_id, failure("connection"))
        state = await gpt_4(driver)
        assert (state.breaker, state.open_until) == ("open", driver.now + 1000 * seconds)
        driver.pass_seconds(seconds)


async def test_a_call_from_before_it_opened_decides_nothing(driver: Driver) -> None:
    old_failure, old_success = await start(driver, 2)
    await opened(driver)
    await end(driver, old_failure, failure("timeout"))
    assert (await gpt_4(driver)).open_until == driver.now + 5000
    driver.pass_seconds(5)
    await end(driver, old_success, success())
    assert (await gpt_4(driver)).breaker == "half_open"


async def test_a_probe_that_is_lost_makes_room_for_another(driver: Driver) -> None:
    waiting = await half_opened(driver)
    await driver.bind_many(waiting[:2])
    await driver.claim(waiting[0])
    assert (await gpt_4(driver)).probes_left == 0
    await driver.cancel(waiting[0])
    assert (await gpt_4(driver)).probes_left == 1
    assert await driver.release_due(all_of_them=True) == 1
    assert (await gpt_4(driver)).probes_left == 2
    await driver.bind(waiting[2])
    await driver.claim(waiting[2])
    await driver.reap()
    await driver.reap_for(driver.settings.lease_seconds + 2)
    assert (await gpt_4(driver)).probes_left == 2, "reaped: its worker died"


async def test_a_probe_that_says_nothing_about_the_model_frees_its_place(driver: Driver) -> None:
    waiting = await half_opened(driver)
    await driver.bind(waiting[0])
    await driver.claim(waiting[0])
    await end(driver, waiting[0], failure("invalid_request"))
    state = await gpt_4(driver)
    assert (state.breaker, state.probes) == ("half_open", 0)


async def test_a_resume_closes_it(driver: Driver, redis: Redis, settings: Settings, catalog: Catalog) -> None:
    await opened(driver)
    await ModelStore(redis, settings=settings, catalog=catalog).resume("gpt-4")
    assert (await gpt_4(driver)).breaker == "closed"
    await call(driver, *[failure("timeout")] * 3)
    assert (await gpt_4(driver)).breaker == "closed", "what was before the resume is forgotten"


async def test_a_model_without_a_breaker_never_opens(driver: Driver) -> None:
    for job_id in await start(driver, 6):
        await driver.settle(job_id, settlement=failure("timeout"))
    assert (await gpt_4(driver)).breaker == "closed"


async def test_a_window_that_was_made_longer_does_not_keep_old_answers_for_ever(driver: Driver) -> None:
    long = RULES.model_copy(update={"window_seconds": 60})
    for rules, how, count in ((RULES, success(), 30), (long, failure("timeout"), 4)):
        for job_id in await start(driver, count):
            await driver.settle(job_id, settlement=replace(how, breaker=rules))
        driver.pass_seconds(61)
    assert (await gpt_4(driver)).breaker != "closed", "30 answers of another window do not outweigh 4 faults"


async def test_a_breaker_that_is_switched_off_while_open_is_forgotten(driver: Driver) -> None:
    running = await start(driver, 1)
    await opened(driver)
    await driver.settle(running[0], settlement=success())  # by a worker whose configuration has no breaker
    assert (await gpt_4(driver)).breaker == "closed"
