"""What one worker process shares among its attempts: Redis, the HTTP client, leases, presence."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Iterable, Mapping
from random import Random

from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.runtime.cancellation import stop
from pointsman.router.runtime.forever import forever
from pointsman.router.runtime.http import open_client
from pointsman.router.store import AttemptStore, CatalogReload, Offer, listen, open_redis
from pointsman.router.vocabulary.errors import StoreUnavailable
from pointsman.router.vocabulary.job import JobState
from pointsman.router.vocabulary.model import Model

from .api_keys import environment, key_print, read_api_keys
from .executor import Equipment, Executor
from .leases import Leases
from .outcome import Judge
from .remote_control import REVOKED
from .token_stream import TokenPublisher

log = logging.getLogger("pointsman.worker")


class Runtime:
    """Opened on the pool's event loop when the worker starts, closed when it stops."""

    def __init__(
        self,
        *,
        settings: Settings,
        catalog: Catalog,
        models: Iterable[Model],
        api_keys: Mapping[str, str],
        hostname: str,
        concurrency: int,
    ) -> None:
        self.worker = f"{hostname}:{os.getpid()}:{secrets.token_hex(3)}"
        self.settings, self.catalog, self._api_keys = settings, catalog, api_keys
        models = list(models)
        longest = max((model.timeout_seconds for model in models), default=0.0)
        self.grace_seconds = settings.grace_seconds or longest
        self._presence = asyncio.Lock()
        # a claim, a settle and the renewals may all want a connection at the same moment
        self._redis: Redis = open_redis(settings.redis_url, connections=max(64, concurrency + 16))
        self._store = AttemptStore(self._redis, settings=settings)
        self._leases = Leases(self._store, lease_seconds=settings.lease_seconds)
        self._client = open_client()  # the pool, which may grow, bounds how many calls there are
        judge = Judge(catalog, settings, Random())
        equipment = Equipment(self.worker, catalog, self._client, api_keys)
        self._publisher = TokenPublisher(self._store, self._leases)
        self.executor = Executor(
            self._store, equipment, judge=judge, leases=self._leases, publisher=self._publisher
        )
        self._duties: list[asyncio.Task[None]] = []
        self._served = {model.name: model.worker_concurrency for model in models}
        self.reloads = CatalogReload(self._redis, settings=settings, catalog=catalog, take=self._take)

    async def open(self) -> None:
        """Start renewing leases, publishing streamed text, and listening for cancels."""
        self._duties = [
            asyncio.create_task(self._leases.renew_forever(), name="renew"),
            asyncio.create_task(self._publisher.publish_forever(), name="token-stream"),
            asyncio.create_task(forever("cancels", self._listen, log=log), name="cancels"),
            asyncio.create_task(self.reloads.run(), name="reload"),
        ]

    async def _take(self, catalog: Catalog) -> None:
        """Take a catalog between two calls; queues and slots are those that this worker was started with."""
        served = [catalog.models[name] for name in self._served if name in catalog.models]
        api_keys = read_api_keys(served, environment())
        self.catalog, self._api_keys = catalog, api_keys
        self.executor.take(catalog, api_keys)
        for name in self._served.keys() - catalog.models.keys():
            log.warning("%s is no model any more: this worker gives its jobs back", name)
        for model in served:
            if model.worker_concurrency != self._served[model.name]:
                log.warning("worker_concurrency of %s counts from this worker's next start", model.name)

    async def announce(self, shares: Mapping[str, int]) -> None:
        """Say that this process lives and has so many slots for each model; does nothing once it is closing."""
        known = {name: slots for name, slots in shares.items() if name in self.catalog.models}
        offers = [Offer(name, slots, key_print(self._api_keys.get(name))) for name, slots in known.items()]
        async with self._presence:  # an announcement must not overtake the withdrawal
            if self.executor.closing or not offers:
                return
            try:
                await self._store.announce(self.worker, offers, config=self.catalog.version)
            except StoreUnavailable as error:
                log.warning("this worker's slots cannot be announced: %s", error)

    async def withdraw(self) -> None:
        """Take no more jobs: slots are withdrawn, what arrives is released, calls in flight go on."""
        self.executor.closing = True
        async with self._presence:
            try:
                await self._store.withdraw(self.worker, list(self.catalog.models))
            except StoreUnavailable as error:
                log.warning("this worker's slots cannot be withdrawn, they lapse by themselves: %s", error)

    async def cancel(self, job_id: str) -> JobState | None:
        """Cancel a job that was revoked; returns its state now, None for an unknown one."""
        return await self._store.cancel(job_id, REVOKED)

    async def _listen(self) -> None:
        """Stop the call of every job that is cancelled while this process has it."""
        await listen(
            self._redis,
            [self._store.keys.key("cancelled")],
            lambda _, job_id: self._leases.stop(job_id, "the job was cancelled"),
            on_subscribed=self._leases.renew,  # finds what was cancelled before the subscription
        )

    async def close(self) -> None:
        """Stop the duties and close every connection."""
        await stop(*self._duties)
        await self._client.aclose()
        await self._redis.aclose()
