"""A wait for many jobs goes on over breaks of the way to Redis, and ends when they last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from pointsman.producer.client import wait
from pointsman.producer.client.transports.redis import RedisTransport
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import job_ends, open_redis
from pointsman.router.vocabulary.errors import StoreUnavailable
from pointsman.router.vocabulary.job import JobState
from tests.support.redis_relay import RedisRelay
from tests.support.store_driver import Driver


@pytest_asyncio.fixture
async def relay(settings: Settings) -> AsyncIterator[RedisRelay]:
    async with RedisRelay(settings.redis_url).running() as running:
        yield running


@pytest_asyncio.fixture
async def transport(relay: RedisRelay, settings: Settings, catalog: Catalog) -> AsyncIterator[RedisTransport]:
    opened = RedisTransport(open_redis(relay.url), settings=settings, catalog=catalog)
    yield opened
    await opened.close()


async def test_each_job_comes_when_it_has_ended_and_is_waited_for_no_more(
    transport: RedisTransport, driver: Driver
) -> None:
    first, second = await driver.submit(), await driver.submit()
    waiting = dict.fromkeys((first, second))
    records = wait.finished(transport, waiting, retries=0)
    await driver.cancel(second)
    assert (await anext(records)).id == second
    assert list(waiting) == [first]
    await driver.cancel(first)
    assert [record.id async for record in records] == [first]
    assert waiting == {}


async def test_a_wait_goes_on_after_a_break_and_tells_of_it(
    transport: RedisTransport, driver: Driver, relay: RedisRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_ends, "LOOK_AGAIN_SECONDS", 0.1)
    first, second = await driver.submit(), await driver.submit()
    told: list[str] = []

    def note(words: str) -> None:
        told.append(words)
        if words:
            relay.come_back()

    records = wait.finished(transport, dict.fromkeys((first, second)), retries=1, on_trouble=note)
    await driver.cancel(first)
    assert (await anext(records)).id == first
    relay.go_away()
    await driver.cancel(second)
    async with asyncio.timeout(60):
        found = [record async for record in records]
    assert [(record.id, record.state) for record in found] == [(second, JobState.CANCELLED)]
    assert (told[0], told[-1]) == ("", "")


async def test_a_wait_ends_after_so_many_further_tries(
    transport: RedisTransport, driver: Driver, relay: RedisRelay
) -> None:
    waiting, told = dict.fromkeys([await driver.submit()]), list[str]()
    relay.go_away()
    with pytest.raises(StoreUnavailable):
        await anext(wait.finished(transport, waiting, retries=1, on_trouble=told.append))
    assert len(told) == 1
    assert len(waiting) == 1


async def test_a_try_that_held_for_a_while_is_not_counted(
    transport: RedisTransport, driver: Driver, relay: RedisRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait, "HELD_SECONDS", -1.0)
    job_id, told = await driver.submit(), list[str]()
    await driver.cancel(job_id)
    relay.go_away()

    def note(words: str) -> None:
        told.append(words)
        if len(told) == 2:
            relay.come_back()

    found = [record.id async for record in wait.finished(transport, {job_id: None}, retries=0, on_trouble=note)]
    assert found == [job_id]
    assert len(told) == 3
