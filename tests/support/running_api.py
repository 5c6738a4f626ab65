"""Runs the real API on a real port, and ends jobs as a worker would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from redis.asyncio import Redis

from pointsman.local.ports import free_port
from pointsman.producer.api.serve import serve
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import Settlement, open_redis
from tests.support.live import eventually
from tests.support.store_driver import Driver, success

SUPPORT = {"prompt": "My printer is on fire", "task_class": "technical_support"}


@dataclass(frozen=True)
class Api:
    """A running API, a plain HTTP client for it, and the sides of Redis behind it."""

    url: str
    http: httpx.AsyncClient
    redis: Redis
    driver: Driver
    serving: asyncio.Task[None]

    async def submit(self, **fields: Any) -> str:
        """Submit a job over HTTP and return its id."""
        reply = await self.http.post("/v1/jobs", json={**SUPPORT, **fields})
        assert reply.status_code == 202, reply.text
        return str(reply.json()["id"])

    async def get(self, job_id: str, **params: Any) -> httpx.Response:
        """Ask for a job."""
        return await self.http.get(f"/v1/jobs/{job_id}", params=params)

    async def finish(self, job_id: str, settlement: Settlement | None = None) -> None:
        """Bind, claim and settle a job of class technical_support."""
        await self.driver.announce()
        assert await self.driver.bind(job_id) == "bound"
        assert await self.driver.claim(job_id) is not None
        assert await self.driver.settle(job_id, settlement=settlement or success()) is not None

    async def open_job(self) -> str:
        """Return the id of the only job that has not ended, once there is one."""

        async def come() -> str | None:
            found: Any = await self.redis.zrange(self.driver.keys.key("deadlines"), 0, -1)
            return found[0] if found else None

        return str(await eventually(come, what="a job"))

    async def subscribers(self, job_id: str) -> int:
        """Return how many connections are subscribed to the end of a job."""
        found: Any = await self.redis.pubsub_numsub(self.driver.keys.key("ended", job_id))
        return int(found[0][1])

    async def until_subscribers(self, job_id: str, count: int) -> None:
        """Return once so many connections are subscribed to the end of a job."""
        async with asyncio.timeout(5):
            while await self.subscribers(job_id) != count:  # noqa: ASYNC110 # Redis tells of no subscription
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running_api(settings: Settings, catalog: Catalog, **changes: Any) -> AsyncIterator[Api]:
    """Run the API with these settings, `changes` over them."""
    port = free_port()
    settings = settings.model_copy(update={"api_port": port, **changes})
    url = f"http://127.0.0.1:{port}"
    serving = asyncio.create_task(serve(settings, catalog))
    redis = open_redis(settings.redis_url)
    driver = Driver(redis, settings=settings, catalog=catalog)
    driver.now = time.time_ns() // 1_000_000  # jobs that come over HTTP are on Redis's clock
    try:
        # no certificates: to load them takes longer than most tests, and all is plain HTTP here
        async with httpx.AsyncClient(base_url=url, timeout=20, verify=False) as http:
            await until_it_answers(http, serving)
            yield Api(url, http, redis, driver, serving)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await redis.aclose()


async def until_it_answers(http: httpx.AsyncClient, serving: asyncio.Task[None] | None = None) -> None:
    """Return once the API answers; the test's own limit of time is the only one."""
    while True:
        if serving is not None and serving.done():
            await serving
        try:
            await http.get("/healthz")
            return
        except httpx.TransportError:
            await asyncio.sleep(0.01)
