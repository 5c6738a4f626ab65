"""Watches an installation from outside: its Redis through the store's own eyes, and the calls that arrived."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from pointsman.router.runtime.http import open_client
from pointsman.router.store import JobStore, ModelStore, open_redis
from pointsman.router.vocabulary.job import JobRecord

from .installation import Installation, catalog_of
from .llm_server import ALL, Call
from .processes import running, start_llm, start_redis

START_SECONDS = 60.0
SLOTS_EACH = 8


class Watched:
    """What an installation has in Redis, and its LLM server has seen."""

    def __init__(self, installation: Installation, llm_url: str = "") -> None:
        settings, catalog = installation.settings, installation.catalog
        self.redis: Redis = open_redis(settings.redis_url)
        self.jobs = JobStore(self.redis, settings=settings, catalog=catalog)
        self.models = ModelStore(self.redis, settings=settings, catalog=catalog)
        self._llm = open_client(base_url=llm_url)

    async def calls(self) -> list[Call]:
        """Return every call so far, in the order of arrival."""
        return [Call(**call) for call in (await self._llm.get("/calls")).json()]

    async def most_in_flight(self) -> dict[str, int]:
        """Return the most calls that each model had in flight at once."""
        found: dict[str, int] = (await self._llm.get("/most_in_flight")).json()
        return {name: count for name, count in found.items() if name != ALL}

    async def records(self, ids: Sequence[str]) -> list[JobRecord]:
        """Return the records of jobs, a few at a time."""
        found: list[JobRecord | None] = []
        for start in range(0, len(ids), 200):
            found += await self.jobs.get_many(ids[start : start + 200])
        return [record for record in found if record is not None]

    async def until_served(self, *, workers: int, dispatchers: int) -> None:
        """Wait until so many workers serve every model, and so many dispatchers run."""
        end = time.monotonic() + START_SECONDS
        while True:
            views, alive = await self.models.views(), await self.models.live_dispatchers()
            if all(view.workers >= workers for view in views) and len(alive) >= dispatchers:
                return
            if time.monotonic() > end:
                raise RuntimeError(f"not {workers} workers and {dispatchers} dispatchers in {START_SECONDS:.0f} s")
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """Close the connections."""
        await self._llm.aclose()
        await self.redis.aclose()


@dataclass(frozen=True)
class Plan:
    """What to run: models with their limits, processes, the LLM's seconds for an answer, and its faults."""

    models: Mapping[str, Mapping[str, Any]]
    dispatchers: int = 4
    workers: int = 4
    latency: float = 0.2
    faults: Sequence[str] = ()


@asynccontextmanager
async def watched(plan: Plan, folder: Path) -> AsyncIterator[Watched]:
    """Run an installation until the end of the block; its workers serve every model."""
    with running(folder) as processes:
        llm_url = start_llm(processes, plan.latency, *plan.faults)
        catalog = catalog_of(plan.models, llm_url, worker_concurrency=SLOTS_EACH)
        installation = Installation(processes, start_redis(processes), catalog)
        for _ in range(plan.dispatchers):
            installation.start_dispatcher()
        for _ in range(plan.workers):
            installation.start_worker()
        found = Watched(installation, llm_url)
        try:
            await found.until_served(workers=plan.workers, dispatchers=plan.dispatchers)
            yield found
        finally:
            await found.close()
