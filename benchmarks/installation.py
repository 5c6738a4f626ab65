"""Pointsman's processes on one Redis, as its users start them, and what is seen of them from outside."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from pointsman.simulated.catalog import write_catalog
from producer import Client
from router.catalog import Catalog
from router.job import JobRecord
from router.settings import Settings
from router.store import JobStore, ModelStore, open_redis

from .contender import CELERY_READY
from .processes import Processes

START_SECONDS = 60.0
DISPATCHER = ("-m", "pointsman", "dispatch")


class Installation:
    """Dispatchers and workers of one configuration; nothing runs before it is started."""

    def __init__(
        self, processes: Processes, redis_url: str, catalog: Catalog, *, lease_seconds: float = 15.0
    ) -> None:
        self.redis_url, self.catalog, self._processes = redis_url, catalog, processes
        self._numbers = count(1)
        # several may share a folder
        self.models_file = processes.folder / f"models-{redis_url.rpartition(':')[2].partition('/')[0]}.yaml"
        write_catalog(catalog, self.models_file)
        self.settings = Settings(
            _env_file=None, redis_url=redis_url, models_file=self.models_file, lease_seconds=lease_seconds
        )
        ours = self.settings.model_dump(mode="json", include={"redis_url", "models_file", "lease_seconds"})
        self._environment = {f"POINTSMAN_{name.upper()}": str(value) for name, value in ours.items()}

    def client(self) -> Client:
        """Return a client that goes straight to Redis."""
        return Client(self.redis_url, models_file=self.models_file)

    def start_dispatcher(self, command: Sequence[str] = DISPATCHER) -> subprocess.Popen[bytes]:
        """Start a dispatcher."""
        return self._start(*command, name="dispatcher")

    def start_worker(
        self, models: Sequence[str] | None = None, *, app: str = "workers.app"
    ) -> subprocess.Popen[bytes]:
        """Start a worker for some models, by default for all, as a Celery user would."""
        queues = ",".join(f"llm.{name}" for name in models or self.catalog.models)
        node = f"bench-{next(self._numbers)}@here"
        command = ["-m", "celery", "-A", app, "worker", "-Q", queues, "-n", node, "-l", "INFO"]
        return self._start(*command, name="worker")

    def _start(self, *command: str, name: str) -> subprocess.Popen[bytes]:
        return self._processes.start([sys.executable, *command], name=name, environment=self._environment)

    def until_ready(self, worker: subprocess.Popen[bytes]) -> None:
        """Wait until a worker takes jobs."""
        self._processes.until(worker, lambda: CELERY_READY in self._processes.log(worker))


class Watched:
    """An installation's Redis through the store's own eyes; for asyncio."""

    def __init__(self, installation: Installation) -> None:
        settings, catalog = installation.settings, installation.catalog
        self.redis: Redis = open_redis(settings.redis_url)
        self.jobs = JobStore(self.redis, settings=settings, catalog=catalog)
        self.models = ModelStore(self.redis, settings=settings, catalog=catalog)

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
        await self.redis.aclose()


def catalog_of(
    models: Mapping[str, Mapping[str, Any]], llm_url: str, *, routed: Sequence[str] = (), **common: Any
) -> Catalog:
    """Return a catalog of models on the benchmarks' LLM server; one task class has those in `routed`, or all."""
    model = {"format": "openai", "base_url": f"{llm_url}/v1", "timeout_seconds": 60, **common}
    return Catalog.model_validate(
        {
            "models": {name: {**model, "upstream": name, **more} for name, more in models.items()},
            "task_classes": {"any": {"models": list(routed or models)}},
            "default_class": "any",
        }
    )


def log_of(folder: Path, name: str) -> list[Path]:
    """Return the logs of the processes that were started under a name."""
    return sorted(folder.glob(f"{name}-*.log"))
