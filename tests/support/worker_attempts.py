"""One worker's executor at a real Redis, over a relay; only the vendor's server is not real."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import httpx
from redis.asyncio import Redis

from pointsman.router.store import AttemptStore
from pointsman.workers.executor import Equipment, Executor, TaskReport
from pointsman.workers.leases import Leases
from pointsman.workers.outcome import Judge
from pointsman.workers.token_stream import TokenPublisher
from tests.support.redis_relay import RedisRelay
from tests.support.store_driver import Driver

ANSWER = {
    "choices": [{"message": {"role": "assistant", "content": "42"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1},
}
LEASE_SECONDS = 30.0

Behaviour = Callable[[httpx.Request], Awaitable[httpx.Response]]


async def answering(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=ANSWER)


async def silent(_: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


class Worker:
    """One executor, the requests that its vendor got, and how the vendor behaves."""

    def __init__(self, redis: Redis, driver: Driver, relay: RedisRelay) -> None:
        settings = driver.settings.model_copy(update={"lease_seconds": LEASE_SECONDS})
        store = AttemptStore(redis, settings=settings)
        self.driver, self.relay = driver, relay
        self.leases = Leases(store, lease_seconds=LEASE_SECONDS)
        self.behave: Behaviour = answering
        self.got: list[httpx.Request] = []
        self.called = asyncio.Event()
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._handle))
        self.executor = Executor(
            store,
            Equipment("w1", driver.catalog, self.http, {}),
            judge=Judge(driver.catalog, settings, Random(1)),
            leases=self.leases,
            publisher=TokenPublisher(store, self.leases),
        )

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        self.called.set()
        return await self.behave(request)

    async def bound(self, **fields: Any) -> str:
        """Return a job that is bound to gpt-4, and not claimed."""
        self.driver.now = int(time.time() * 1000)
        job_id = await self.driver.submit(**fields)
        await self.driver.announce()
        assert await self.driver.bind(job_id) == "bound"
        return job_id

    async def attempt(self, job_id: str, binding: int = 1, model: str = "gpt-4") -> TaskReport:
        return await self.executor.attempt(job_id, binding, model)

    async def in_call(self, job_id: str) -> asyncio.Task[TaskReport]:
        """Return an attempt whose call is with the vendor."""
        attempt = asyncio.create_task(self.attempt(job_id))
        await self.called.wait()
        return attempt


class OnWarning(logging.Handler):
    """Does something at the first warning."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self.warnings: list[str] = []
        self._act = act

    def emit(self, record: logging.LogRecord) -> None:
        self.warnings.append(record.getMessage())
        self._act()
