"""The way straight to Redis, for programs that stand next to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from router.catalog import Catalog, load_catalog
from router.delivery import DeliveryState
from router.errors import UnknownJob
from router.job import JobRecord, JobSpec, JobState
from router.settings import Settings, load_settings
from router.stopping import stop
from router.store import DeadStore, DeliveryStore, JobStore, ModelStore, Subscriptions, Waiter, open_redis
from router.views import DeadFilter, DeadPage, DeliveryPage, Explanation, ModelView, RetriedPage

CALLS_AT_ONCE = 48
"""Calls on the way to Redis: more wait here, since redis-py's pool would refuse the 65th connection."""
READ_AT_ONCE = 500
LOOK_AGAIN_SECONDS = 10.0
"""How long the channels alone are trusted: pub/sub may lose a message while it reconnects."""


def open_redis_door(url: str, *, models_file: Path | str | None, key_prefix: str | None) -> RedisDoor:
    """Return the door; what is not given comes from the settings. Raises ConfigError."""
    settings = load_settings(redis_url=url, models_file=models_file, key_prefix=key_prefix)
    return RedisDoor(open_redis(url), settings=settings, catalog=load_catalog(settings.models_file))


class RedisDoor:
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

    async def finished(self, job_ids: Sequence[str]) -> AsyncGenerator[JobRecord, None]:
        """Yield each record when its job ends: one connection for all, and a look at all now and then."""
        waiting = dict.fromkeys(job_ids)
        clock = asyncio.get_running_loop().time
        async with self._waiter.watching(list(waiting)) as ends, _told(ends) as told:
            look_at, look_again = list(waiting), clock() + LOOK_AGAIN_SECONDS
            while True:
                for record in await self._ended(look_at):
                    del waiting[record.id]
                    yield record
                if not waiting:
                    return
                look_at = [job_id for job_id in await _next(told, look_again - clock()) if job_id in waiting]
                if clock() >= look_again:
                    look_at, look_again = list(waiting), clock() + LOOK_AGAIN_SECONDS

    async def _ended(self, job_ids: Sequence[str]) -> list[JobRecord]:
        ended = []
        for at in range(0, len(job_ids), READ_AT_ONCE):
            some = job_ids[at : at + READ_AT_ONCE]
            async with self._turn:
                records = await self._jobs.get_many(some)
            for job_id, record in zip(some, records, strict=True):
                if record is None:
                    raise UnknownJob(job_id)
                if record.done:
                    ended.append(record)
        return sorted(ended, key=lambda record: record.finished or 0.0)

    async def cancel(self, job_id: str) -> JobState:
        """Cancel a job."""
        async with self._turn:
            return await self._jobs.cancel(job_id)

    async def retry(self, job_id: str) -> JobState:
        """Let a dead letter begin anew."""
        async with self._turn:
            return await self._dead.retry(job_id)

    async def dead(self, asked: DeadFilter, *, limit: int) -> DeadPage:
        """Return a page of dead letters."""
        async with self._turn:
            return await self._dead.page(asked, limit=limit)

    async def retry_dead(self, asked: DeadFilter, *, limit: int) -> RetriedPage:
        """Let a page of dead letters begin anew."""
        async with self._turn:
            return await self._dead.retry_page(asked, limit=limit)

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

    async def models(self) -> list[ModelView]:
        """Return the live state of every model."""
        async with self._turn:
            return await self._models.views()

    async def warnings(self) -> list[str]:
        """Return what keeps jobs from being done."""
        return await self._models.warnings(await self._models.views())

    async def close(self) -> None:
        """Close every connection."""
        await self._subscriptions.close()
        await self._redis.aclose()


@asynccontextmanager
async def _told(ends: Mapping[str, asyncio.Event]) -> AsyncIterator[asyncio.Queue[str]]:
    """Yield a queue that gets the id of each job whose end is told."""
    told: asyncio.Queue[str] = asyncio.Queue()

    async def tell(job_id: str, end: asyncio.Event) -> None:
        await end.wait()
        told.put_nowait(job_id)

    tasks = [asyncio.create_task(tell(job_id, end)) for job_id, end in ends.items()]
    try:
        yield told
    finally:
        await stop(*tasks)


async def _next(told: asyncio.Queue[str], seconds: float) -> list[str]:
    """Return every id told by now, after a wait of at most `seconds` for the first one; maybe none."""
    try:
        ids = [await asyncio.wait_for(told.get(), max(0.0, seconds))]
    except TimeoutError:
        return []
    while not told.empty():
        ids.append(told.get_nowait())
    return ids
