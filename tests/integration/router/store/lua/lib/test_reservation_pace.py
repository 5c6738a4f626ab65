"""Requests and tokens per minute are spread over the minute: what is planned and bound in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest

from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.plan import plan_round
from pointsman.router.vocabulary.facts import read_facts
from tests.support.store_driver import Driver, success

REQUESTS, BURST, STEP_SECONDS = 60, 6, 0.5
TOKENS = 60_000


@pytest.fixture
def catalog(catalog: Catalog) -> Catalog:
    """gpt-4 may have 60 requests a minute, claude 60 000 tokens, gemini 60 requests in one go."""
    data = catalog.model_dump()
    data["models"]["gpt-4"]["limits"] = {"requests_per_minute": REQUESTS}
    data["models"]["claude"]["limits"] = {"tokens_per_minute": TOKENS}
    data["models"]["gemini"]["limits"] = {"requests_per_minute": REQUESTS, "smooth": False}
    return Catalog.model_validate(data)


async def waiting(driver: Driver, model: str, count: int) -> None:
    await driver.announce(model, 1000)
    for _ in range(count):
        await driver.submit(model=model)


async def run(driver: Driver, model: str, seconds: float, *, dispatchers: int = 1) -> list[float]:
    """Dispatch for so long, every call claimed and answered at once; returns when each was bound."""
    bound: list[float] = []
    start = driver.now
    while driver.now < start + 1000 * seconds:
        rounds = [await driver.read() for _ in range(dispatchers)]  # all see the same, as at worst
        for at, snapshot in enumerate(rounds):
            binds = plan_round(snapshot, driver.catalog, limit=1000, random=Random(1)).binds
            answers = await driver.rounds.bind(
                binds, templates=driver.templates, token=f"{driver.now}-{at}", now=driver.now
            )
            ids = [bind.job.id for bind, answer in zip(binds, answers, strict=True) if answer == "bound"]
            bound += [(driver.now - start) / 1000] * len(ids)
            for job_id in ids:
                await driver.claim(job_id)
                await driver.settle(job_id, settlement=success())
        driver.pass_seconds(STEP_SECONDS)
    return bound


def most_in(moments: Sequence[float], seconds: float) -> int:
    return max(sum(first <= moment < first + seconds for moment in moments) for first in moments)


def longest_gap(moments: Sequence[float]) -> float:
    return max(after - before for before, after in pairwise(moments))


@pytest.mark.parametrize("dispatchers", [1, 2])
async def test_a_resume_sends_a_burst_and_then_an_even_pace(driver: Driver, dispatchers: int) -> None:
    await waiting(driver, "gpt-4", 250)
    bound = await run(driver, "gpt-4", 185, dispatchers=dispatchers)
    assert bound.count(0.0) == BURST
    assert most_in(bound, 6) <= BURST + 6 + 1
    assert most_in(bound, 61) <= REQUESTS
    assert longest_gap(bound) <= 2
    assert len(bound) >= 3 * REQUESTS * 0.93


async def test_without_smooth_all_of_it_goes_at_once(driver: Driver) -> None:
    await waiting(driver, "gemini", 100)
    bound = await run(driver, "gemini", 62)
    assert bound == [0.0] * REQUESTS + [61.0] * 40


async def test_after_a_pause_there_is_one_burst_again_and_not_two(driver: Driver) -> None:
    await waiting(driver, "gpt-4", 100)
    await run(driver, "gpt-4", 20)
    driver.pass_seconds(120)
    bound = await run(driver, "gpt-4", 10)
    assert bound.count(0.0) == BURST
    assert len(bound) <= BURST + 10


async def test_tokens_are_spread_too_and_a_large_job_waits_no_longer_than_its_share(driver: Driver) -> None:
    await waiting(driver, "claude", 250)
    ids = await driver.redis.zrange(driver.keys.key("deadlines"), 0, 0)
    each = read_facts(await driver.redis.hget(driver.keys.key("job", ids[0]), "facts")).tokens
    bound = await run(driver, "claude", 122)
    assert bound.count(0.0) <= TOKENS / 10 / each + 1
    assert most_in(bound, 61) * each <= TOKENS
    assert longest_gap(bound) <= 2 * 61 * each / TOKENS + STEP_SECONDS
    assert len(bound) * each >= 2 * TOKENS * 0.93


async def test_what_a_call_did_not_use_comes_back_at_its_settle(driver: Driver) -> None:
    await driver.announce("claude", 100)
    jobs = [await driver.submit("word " * 4000, model="claude") for _ in range(3)]
    answers = await driver.bind_many(jobs, "claude")
    assert answers == ["bound", "bound", "limited"]
    for job_id in jobs[:2]:
        await driver.claim(job_id)
        await driver.settle(job_id, settlement=success(tokens=10))
    assert await driver.bind(jobs[2], "claude") == "bound"


async def test_what_was_released_does_not_hold_up_the_next(driver: Driver) -> None:
    jobs = [await driver.submit() for _ in range(BURST + 1)]
    await driver.announce("gpt-4", 100)
    assert await driver.bind_many(jobs) == ["bound"] * BURST + ["limited"]
    await driver.work.release(jobs[0], 1)
    assert await driver.bind(jobs[-1]) == "bound"


async def test_the_round_says_when_it_is_the_next_ones_turn(driver: Driver) -> None:
    jobs = [await driver.submit() for _ in range(BURST + 1)]
    await driver.announce("gpt-4", 100)
    await driver.bind_many(jobs)
    state = (await driver.read()).states["gpt-4"]
    assert state.full_because(0) == "60 requests per minute are spread over the minute: the next in 0.3 s"
    opens_at = state.opens_at()
    assert opens_at is not None
    driver.now = opens_at - 10
    assert await driver.bind(jobs[-1]) == "limited"
    driver.now = opens_at
    assert await driver.bind(jobs[-1]) == "bound"


async def test_a_clock_that_steps_back_does_not_stop_the_pace(driver: Driver) -> None:
    jobs = [await driver.submit() for _ in range(BURST + 1)]
    await driver.announce("gpt-4", 100)
    await driver.bind_many(jobs)
    driver.pass_seconds(-5)
    assert (await driver.read()).states["gpt-4"].full_because(0) is None
    assert await driver.bind(jobs[-1]) == "bound"
