"""A real Pointsman for a measurement: Redis, dispatchers, Celery workers and the LLM server, each a process."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from redis.asyncio import Redis

from pointsman.parts import dispatcher_part, redis_part, worker_command
from pointsman.ports import free_port
from pointsman.process_tree import Part, ProcessTree
from router.catalog import Catalog
from router.errors import StoreUnavailable
from router.http import AsyncClient, open_client
from router.job import JobRecord
from router.settings import Settings
from router.store import JobStore, ModelStore, open_redis

START_SECONDS = 60.0
SLOTS_EACH = 8


@dataclass(frozen=True)
class Plan:
    """What to run: models with their limits, and how the server behaves."""

    models: dict[str, dict[str, Any]]
    dispatchers: int = 4
    workers: int = 4
    server: Sequence[str] = ()


class Running:
    """What runs, seen from outside."""

    def __init__(
        self, redis: Redis, settings: Settings, catalog: Catalog, server: AsyncClient, folder: Path
    ) -> None:
        self.redis, self.folder = redis, folder
        self.jobs = JobStore(redis, settings=settings, catalog=catalog)
        self.models = ModelStore(redis, settings=settings, catalog=catalog)
        self._server = server

    async def noted(self) -> dict[str, Any]:
        """Return every call that the server has noted, and the most that were in flight."""
        report: dict[str, Any] = (await self._server.get("/calls")).json()
        return report

    async def records(self, ids: Sequence[str]) -> list[JobRecord]:
        """Return the records of jobs, a few at a time."""
        found: list[JobRecord | None] = []
        for start in range(0, len(ids), 200):
            found += await self.jobs.get_many(ids[start : start + 200])
        return [record for record in found if record is not None]

    async def until_served(self, workers: int) -> None:
        """Wait until so many workers serve every model."""
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                if all(view.workers >= workers for view in await self.models.views()):
                    return
            except StoreUnavailable:
                pass
            if time.monotonic() > end:
                raise RuntimeError(f"not {workers} workers within {START_SECONDS:.0f} s")
            await asyncio.sleep(0.1)


@asynccontextmanager
async def running(plan: Plan) -> AsyncIterator[Running]:
    """Run everything until the end of the block; dispatchers and workers are started, jobs may be submitted."""
    with tempfile.TemporaryDirectory(prefix="pointsman-limits-") as name:
        folder, redis_port, server_port = Path(name), free_port(), free_port()
        url = f"http://127.0.0.1:{server_port}"
        settings = Settings(
            _env_file=None, redis_url=f"redis://127.0.0.1:{redis_port}/0", models_file=folder / "models.yaml"
        )
        data = _catalog(plan, f"{url}/v1")
        settings.models_file.write_text(yaml.safe_dump(data), encoding="utf-8")
        ours = settings.model_dump(mode="json", include={"redis_url", "models_file"})
        environment = {f"POINTSMAN_{field.upper()}": str(value) for field, value in ours.items()}
        tree, redis = ProcessTree(folder), open_redis(settings.redis_url)
        try:
            async with open_client(connections=4, base_url=url) as server:
                await tree.start(redis_part(folder, redis_port))
                command = [sys.executable, "-m", "benchmarks.arrivals", "--port", str(server_port), *plan.server]
                await tree.start(Part("server", command, serves=True))
                for part in _parts(plan, environment):
                    await tree.start(part)
                found = Running(redis, settings, Catalog.model_validate(data), server, folder)
                await found.until_served(plan.workers)
                yield found
        finally:
            await redis.aclose()
            await tree.stop()


def _catalog(plan: Plan, base_url: str) -> dict[str, Any]:
    model = {"format": "openai", "base_url": base_url, "worker_concurrency": SLOTS_EACH}
    models = {name: {**model, "upstream": name, **more} for name, more in plan.models.items()}
    return {"models": models, "task_classes": {"work": {"models": list(models)}}, "default_class": "work"}


def _parts(plan: Plan, environment: dict[str, str]) -> list[Part]:
    parts = []
    for at in range(plan.dispatchers):
        part = dispatcher_part(environment)
        parts.append(Part(f"{part.name}-{at}", part.command, environment))
    for at in range(plan.workers):
        command = worker_command(list(plan.models), concurrency=None, name=f"worker-{at}", log_level="WARNING")
        parts.append(Part(f"worker-{at}", command, environment))
    return parts
