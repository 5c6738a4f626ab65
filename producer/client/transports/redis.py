"""The way straight to Redis, for programs that stand next to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from redis.asyncio import Redis

from pointsman.router.config.settings import Settings, load_settings
from pointsman.router.routing.catalog import Catalog, load_catalog
from pointsman.router.store import (
    DeadStore,
    DeliveryStore,
    JobStore,
    ModelStore,
    Subscriptions,
    Waiter,
    finished,
    open_redis,
)
from pointsman.router.vocabulary.delivery import DeliveryState
from pointsman.router.vocabulary.job import JobRecord, JobSpec, JobState
from pointsman.router.vocabulary.views import (
    DeadFilter,
    DeadPage,
    DeliveryPage,
    Explanation,
    KnownNames,
    ModelView,
    RetriedPage,
)

CALLS_AT_ONCE = 48
"""Calls on the way to Redis: more wait here, since redis-py's pool would refuse the 65th connection."""

EXPLAINED_AT_MOST = 5000


def open_redis_transport(url: str, *, models_file: Path | str | None, key_prefix: str | None) -> RedisTransport:
    """Return the transport; what is not given comes from the settings. Raises ConfigError."""
    settings = load_settings(redis_url=url, models_file=models_file, key_prefix=key_prefix)
    return RedisTransport(open_redis(url), settings=settings, catalog=load_catalog(settings.models_file))


class RedisTransport:
    """Uses the store as the API does."""

    def __init__(self, redis: Redis, *, settings: Settings, catalog: Catalog) -> None:
        self._redis = redis
        self._jobs = JobStore(redis, settings=settings, catalog=catalog)
        self._dead = DeadStore(self._jobs)
        self._deliveries = DeliveryStore(redis, self._jobs.keys)
        self._models = ModelStore(redis, settings=settings, catalog=catalog)
        self._subscriptions = Subscriptions(redis, self._jobs.keys)
        self._waiter = Waiter(self._subscriptions, self._jobs.keys)
        self._turn = asyncio.Semaphore(CALLS_AT_ONCE)

    async def submit_many(self, specs: Sequence[JobSpec]) -> list[str]:
        """Accept jobs in one round trip."""
        async with self._turn:
            return await self._jobs.submit_many(specs)

    async def get(self, job_id: str) -> JobRecord:
        """Return all that is known of a job."""
        async with self._turn:
            return await self._jobs.get(job_id)

    def finished(self, job_ids: Sequence[str]) -> AsyncGenerator[JobRecord, None]:
        """Yield each record when its job ends: one connection for all, and a look at all now and then."""
        return finished(job_ids, self._waiter, self._ended)

    async def _ended(self, job_ids: Sequence[str]) -> Sequence[JobRecord]:
        async with self._turn:
            return await self._jobs.ended(job_ids)

    async def cancel(self, job_id: str) -> JobState:
        """Cancel a job."""
        async with self._turn:
            return await self._jobs.cancel(job_id)

    async def retry(self, job_id: str) -> JobState:
        """Let a dead letter begin anew."""
        async with self._turn:
            return await self._dead.retry(job_id)

    async def dead(self, wanted: DeadFilter, *, limit: int) -> DeadPage:
        """Return a page of dead letters."""
        async with self._turn:
            return await self._dead.page(wanted, limit=limit)

    async def retry_dead(self, wanted: DeadFilter, *, limit: int) -> RetriedPage:
        """Let a page of dead letters begin anew."""
        async with self._turn:
            return await self._dead.retry_page(wanted, limit=limit)

    async def deliveries(self, state: DeliveryState, *, limit: int, cursor: int | None) -> DeliveryPage:
        """Return a page of webhook deliveries."""
        async with self._turn:
            return await self._deliveries.page(state, limit=limit, cursor=cursor)

    async def redeliver(self, delivery_id: str) -> DeliveryState:
        """Let a delivery begin anew."""
        async with self._turn:
            return await self._deliveries.redeliver(delivery_id)

    async def explain(self, spec: JobSpec) -> Explanation:
        """Return where a job would go if it came now."""
        self._jobs.check(spec)
        return await self._models.explain(spec)

    @property
    def explained_at_most(self) -> int:
        """As many as take a few seconds."""
        return EXPLAINED_AT_MOST

    async def explain_many(self, specs: Sequence[JobSpec]) -> list[Explanation]:
        """Return where each of these jobs would go if it alone came now."""
        return await self._models.explain_many(specs)

    async def models(self) -> list[ModelView]:
        """Return the live state of every model."""
        async with self._turn:
            return await self._models.views()

    async def warnings(self) -> list[str]:
        """Return what keeps jobs from being done."""
        return await self._models.warnings(await self._models.views())

    async def names(self) -> KnownNames:
        """Return what a job may name."""
        return self._jobs.catalog.names

    async def close(self) -> None:
        """Close every connection."""
        await self._subscriptions.close()
        await self._redis.aclose()

    def abandon(self) -> None:
        """Leave the connections to redis-py, which closes those that nobody holds any more."""
