"""Our clock goes on where that of Redis's host is set; here an offset stands for the step."""

from __future__ import annotations

import time

from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import ModelStore, RoundStore
from pointsman.router.store.server_clock import ServerClock, clock_offset, server_time
from pointsman.router.vocabulary.job import JobSpec
from tests.support.store_driver import Driver

HOUR = 3600.0
NEAR = 2.0
SPEC = JobSpec(prompt="What is the answer?", task_class="technical_support", expires_in=HOUR)


async def set_host(store: RoundStore, seconds: float) -> None:
    """Let the clock of Redis's host seem to have been set."""
    await store.redis.hincrby(store.keys.key("clock"), "offset", round(seconds * 1000))


async def test_it_starts_with_the_hosts_clock(rounds: RoundStore) -> None:
    now = (await rounds.read()).now
    assert abs(now / 1000 - time.time()) < NEAR
    assert abs(await server_time(rounds.redis, rounds.keys) - time.time()) < NEAR
    assert await clock_offset(rounds.redis, rounds.keys) == 0


async def test_a_step_of_the_host_is_none_of_ours_in_either_direction(rounds: RoundStore) -> None:
    began = (await rounds.read()).now
    for step in (HOUR, -HOUR, 400 * 24 * HOUR, -400 * 24 * HOUR):
        await set_host(rounds, step)
        now = (await rounds.read()).now
        assert 0 <= now - began < NEAR * 1000
        assert abs(await server_time(rounds.redis, rounds.keys) - now / 1000) < NEAR


async def test_before_a_dispatcher_has_seen_a_step_back_every_script_stands_still(driver: Driver) -> None:
    await driver.rounds.read()
    await set_host(driver.rounds, -HOUR)
    (job_id,) = await driver.jobs.submit_many([SPEC])
    record = await driver.jobs.get(job_id)
    assert abs(record.submitted - time.time()) < NEAR


async def test_a_duty_that_is_first_after_a_step_forward_expires_and_reaps_nothing(driver: Driver) -> None:
    await driver.rounds.read()
    (job_id,) = await driver.jobs.submit_many([SPEC])
    await set_host(driver.rounds, 2 * 24 * HOUR)
    assert await driver.rounds.expire() == 0
    assert not (await driver.jobs.get(job_id)).done


async def test_two_dispatchers_correct_one_step_once(redis: Redis, settings: Settings, catalog: Catalog) -> None:
    both = [RoundStore(redis, settings=settings, catalog=catalog) for _ in range(2)]
    for store in both:
        await store.read()
    await set_host(both[0], HOUR)
    first, second = [(await store.read()).now for store in both]
    assert 0 <= second - first < NEAR * 1000
    assert abs(second / 1000 - time.time()) < NEAR


async def test_a_dispatcher_that_starts_after_a_step_back_goes_on_from_what_was_shown_last(
    rounds: RoundStore, settings: Settings, catalog: Catalog
) -> None:
    began = (await rounds.read()).now
    await set_host(rounds, -HOUR)
    fresh = RoundStore(rounds.redis, settings=settings, catalog=catalog)
    now = (await fresh.read()).now
    assert 0 <= now - began < NEAR * 1000


async def test_it_comes_back_to_the_hosts_clock_slowly(rounds: RoundStore) -> None:
    """An offset of a second, as after a small correction: a hundredth of what passes is taken off."""
    await rounds.read()
    await set_host(rounds, 1.0)
    await rounds.read()
    for _ in range(2):
        await rounds.redis.hincrby(rounds.keys.key("clock"), "slewed_at", -1000)
        for _ in range(20):  # however often it is looked at
            await rounds.read()
    assert 0.97 < await clock_offset(rounds.redis, rounds.keys) < 0.99


async def test_a_reap_that_was_put_off_by_a_step_is_not_put_off_for_an_hour(driver: Driver) -> None:
    reap = driver.keys.key("reap")
    await driver.redis.hset(reap, mapping={"last": driver.now, "resume": driver.now + 3_600_000})
    await driver.reap()
    resume = float(await driver.redis.hget(reap, "resume") or 0)
    assert resume <= driver.now + driver.settings.lease_seconds * 1000


async def test_the_difference_is_a_warning(rounds: RoundStore, settings: Settings, catalog: Catalog) -> None:
    models = ModelStore(rounds.redis, settings=settings, catalog=catalog)
    await rounds.read()
    await set_host(rounds, HOUR)
    await rounds.read()
    assert not [line for line in await models.warnings([]) if "clock" in line], "the step is taken back"
    await rounds.redis.hset(rounds.keys.key("clock"), "offset", 3_600_000)
    (line,) = [line for line in await models.warnings([]) if "clock" in line]
    assert line.startswith("the clock of Redis's host was set back: ours is 3600 s ahead of it")


def test_what_was_seen_long_ago_is_not_expected() -> None:
    clock = ServerClock()
    assert clock.expected() is None
    clock.saw(1_000, asked_at=time.monotonic() - 5)
    assert clock.expected() is None, "the answer took too long"
    clock.saw(1_000, asked_at=time.monotonic())
    assert 1_000 <= (clock.expected() or 0) < 2_000
    clock._seen = (1_000, time.monotonic() - HOUR)
    assert clock.expected() is None
