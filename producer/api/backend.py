"""What the endpoints of the API share: the store, its news, and who asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request
from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.runtime.cancellation import stop
from pointsman.router.store import (
    BatchStore,
    DeadStore,
    DeliveryStore,
    EchoStore,
    Follower,
    JobStore,
    ModelStore,
    Subscriptions,
    Waiter,
    open_redis,
)
from pointsman.router.vocabulary.errors import UnknownJob
from pointsman.router.vocabulary.job import JobRecord

from ..batches import BatchDuty
from ..files import FileFolder

CONNECTIONS = 512
"""Connections to Redis at most: a burst beyond it gets a Retry-After."""


@dataclass(frozen=True)
class Backend:
    """One process's way to Redis and to the files.

    `stopping` is set when the server ends, so that long polls answer at once.
    """

    redis: Redis
    jobs: JobStore
    dead: DeadStore
    models: ModelStore
    waiter: Waiter
    follower: Follower
    files: FileFolder
    batches: BatchStore
    echoes: EchoStore
    deliveries: DeliveryStore
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def open_backend(settings: Settings, catalog: Catalog) -> AsyncIterator[Backend]:
    """Yield the way to Redis; a Redis that is away is no error here."""
    redis = open_redis(settings.redis_url, connections=CONNECTIONS)
    jobs = JobStore(redis, settings=settings, catalog=catalog)
    models = ModelStore(redis, settings=settings, catalog=catalog)
    files, batches = FileFolder(settings.files_folder), BatchStore(jobs)
    subscriptions = Subscriptions(redis, jobs.keys)
    backend = Backend(
        redis=redis,
        jobs=jobs,
        dead=DeadStore(jobs),
        models=models,
        waiter=Waiter(subscriptions, jobs.keys),
        follower=Follower(subscriptions, jobs.keys),
        files=files,
        batches=batches,
        echoes=EchoStore(jobs),
        deliveries=DeliveryStore(redis, jobs.keys),
    )
    looking_after = asyncio.create_task(BatchDuty(batches, jobs, files).run(), name="pointsman-batches")
    try:
        yield backend
    finally:
        await stop(looking_after)
        await subscriptions.close()
        await redis.aclose()


@dataclass(frozen=True)
class Requester:
    """Who asks, and through what; `tenant` is None for one who may see the jobs of all tenants."""

    backend: Backend
    tenant: str | None

    def may_see(self, record: JobRecord) -> bool:
        """Whether this job is among those the asker may know of."""
        return self.tenant in (None, record.tenant)

    async def get(self, job_id: str) -> JobRecord:
        """Return a job's record; raises UnknownJob also for a job of another tenant."""
        record = await self.backend.jobs.get(job_id)
        if not self.may_see(record):
            raise UnknownJob(job_id)
        return record


def requester(request: Request) -> Requester:
    """Return who asks; `access.KeyGate` has found the tenant."""
    return Requester(cast(Backend, request.app.state.backend), request.state.tenant)


CurrentRequester = Annotated[Requester, Depends(requester)]
