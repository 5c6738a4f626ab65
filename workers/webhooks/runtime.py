"""What one process that sends webhooks shares among its tries: Redis, the guarded HTTP client, presence."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random

from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.runtime.cancellation import stop
from pointsman.router.runtime.http import open_guarded_client
from pointsman.router.store import CatalogReload, DeliveryQueue, JobStore, open_redis
from pointsman.router.vocabulary.errors import StoreUnavailable, UnknownJob
from pointsman.router.vocabulary.job import JobState
from pointsman.router.vocabulary.webhook import may_be_called

from ..remote_control import REVOKED
from .sender import LAST_SETTLE_SECONDS, Sender

log = logging.getLogger("pointsman.webhooks")

USER_AGENT = "pointsman-webhooks"


class WebhookRuntime:
    """Opened on the pool's event loop when the worker starts, closed when it stops."""

    def __init__(self, *, settings: Settings, catalog: Catalog, hostname: str, concurrency: int) -> None:
        self.settings, self.catalog = settings, catalog
        self.grace_seconds = settings.webhook_timeout_seconds + LAST_SETTLE_SECONDS
        self._name = f"{hostname}:{os.getpid()}:{secrets.token_hex(3)}"
        self._presence = asyncio.Lock()
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="pointsman-names")
        self._redis: Redis = open_redis(settings.redis_url, connections=concurrency + 16)
        self._store = DeliveryQueue(self._redis, settings=settings)
        self._client = open_guarded_client(
            lambda address: may_be_called(address, settings.webhook_allow), user_agent=USER_AGENT
        )
        self._jobs = JobStore(self._redis, settings=settings, catalog=catalog)
        self.sender = Sender(self._store, self._jobs, self._client, random=Random())
        self.reloads = CatalogReload(self._redis, settings=settings, catalog=catalog, take=self._take)
        self._looking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Have a thread for each name that is looked up: one that gets no answer must not hold up the others."""
        asyncio.get_running_loop().set_default_executor(self._threads)
        self._looking = asyncio.create_task(self.reloads.run(), name="reload")
        if not (self.settings.webhook_secrets or self.settings.webhooks):
            log.warning("there is no secret to sign with: set POINTSMAN_WEBHOOK_SECRETS")

    async def _take(self, catalog: Catalog) -> None:
        self.catalog = self._jobs.catalog = catalog

    async def announce(self, shares: Mapping[str, int]) -> None:
        """Say that this process lives; it has slots of no model."""
        async with self._presence:  # an announcement must not overtake the withdrawal
            if self.sender.closing:
                return
            try:
                await self._store.announce(self._name)
            except StoreUnavailable as error:
                log.warning("this sender cannot be announced: %s", error)

    async def withdraw(self) -> None:
        """Take no more deliveries: what arrives is given back, requests on their way go on."""
        self.sender.closing = True
        async with self._presence:
            try:
                await self._store.withdraw(self._name)
            except StoreUnavailable as error:
                log.warning("this sender cannot be withdrawn, it lapses by itself: %s", error)

    async def cancel(self, job_id: str) -> JobState | None:
        """Cancel a job that was revoked: this worker may be the only one. A delivery is no job, and goes on."""
        try:
            return await self._jobs.cancel(job_id, reason=REVOKED)
        except UnknownJob:
            return None

    async def close(self) -> None:
        """Close every connection; a name that is still looked up is not waited for."""
        if self._looking is not None:
            await stop(self._looking)
        await self._client.aclose()
        await self._redis.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)
