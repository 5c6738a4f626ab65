"""Announce, withdraw and pause: what is live capacity, and who is told of a change."""

from __future__ import annotations

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import ModelStore, Offer
from tests.support.store_driver import Driver


async def slots_and_workers(driver: Driver, model: str = "gpt-4") -> tuple[int, int]:
    state = (await driver.read()).states[model]
    return state.announced, state.workers


async def test_an_announcement_is_forgotten_unless_it_is_repeated(driver: Driver) -> None:
    await driver.announce(slots=3)
    driver.pass_seconds(3_599)
    await driver.announce(slots=5)
    driver.pass_seconds(3_599)
    assert await slots_and_workers(driver) == (5, 1)
    driver.pass_seconds(1)
    assert await slots_and_workers(driver) == (0, 0)
    assert await driver.redis.exists(driver.keys.key("workers", "gpt-4")) == 0


async def test_one_worker_may_offer_several_models(driver: Driver) -> None:
    await driver.work.announce("w1", [Offer("gpt-4", 2, ""), Offer("claude", 1, "")], config="v1")
    seen = await driver.rounds.read()
    assert [seen.states[name].announced for name in ("gpt-4", "claude", "gemini")] == [2, 1, 0]


async def test_a_withdrawn_worker_is_gone_at_once_and_the_others_stay(driver: Driver) -> None:
    await driver.announce(slots=3, worker="w1")
    await driver.announce(slots=4, worker="w2")
    await driver.work.withdraw("w1", ["gpt-4", "claude"])
    assert await slots_and_workers(driver) == (4, 1)


async def test_only_a_new_worker_wakes_the_dispatchers(driver: Driver) -> None:
    assert await driver.announce() == 1
    assert await driver.announce() == 0
    assert await driver.announce(worker="w2") == 1


async def test_a_changed_key_reopens_a_model_that_was_down(driver: Driver) -> None:
    health = driver.keys.key("model", "gpt-4")
    await driver.redis.hset(health, mapping={"down": "auth: wrong key", "down_key": "old"})
    assert await driver.announce(key_print="old") == 1
    assert (await driver.read()).states["gpt-4"].down
    assert await driver.announce(key_print="new") == 1
    assert not (await driver.read()).states["gpt-4"].down


async def test_a_resume_ends_cooling_pause_and_down(driver: Driver, settings: Settings, catalog: Catalog) -> None:
    models = ModelStore(driver.redis, settings=settings, catalog=catalog)
    await models.pause("gpt-4", "maintenance")
    await driver.redis.hset(
        driver.keys.key("model", "gpt-4"), mapping={"down": "auth", "cooled_until": driver.now + 60_000}
    )
    state = (await driver.read()).states["gpt-4"]
    assert (state.paused, state.down) == ("maintenance", "auth")
    await models.resume("gpt-4")
    state = (await driver.read()).states["gpt-4"]
    assert (state.paused, state.down, state.cooled_until) == ("", "", 0)


async def test_the_view_says_why_jobs_wait(driver: Driver, settings: Settings, catalog: Catalog) -> None:
    await driver.submit(model="claude")
    views = {view.name: view for view in await ModelStore(driver.redis, settings=settings, catalog=catalog).views()}
    assert views["claude"].waiting == 1
    assert "no live worker" in views["claude"].status
    assert views["gpt-4"].waiting == 0
