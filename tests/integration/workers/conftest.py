"""One worker's executor, for the tests of what it does with a binding."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import open_redis
from tests.support.redis_relay import RedisRelay
from tests.support.store_driver import Driver
from tests.support.worker_attempts import Worker


@pytest_asyncio.fixture
async def worker(driver: Driver, settings: Settings, catalog: Catalog) -> AsyncIterator[Worker]:
    async with RedisRelay(settings.redis_url).running() as relay:
        redis = open_redis(relay.url)
        worker = Worker(redis, driver, relay)
        yield worker
        await worker.http.aclose()
        await redis.aclose()
