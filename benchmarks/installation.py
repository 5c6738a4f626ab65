"""Pointsman's processes on one Redis, as its users start them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from pointsman import AsyncClient, Client
from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.simulated.catalog import write_catalog

from .contender import CELERY_READY
from .processes import Processes

DISPATCHER = ("-m", "pointsman", "dispatch")


class Installation:
    """The parts of one configuration; nothing runs before it is started. `settings` are fields of Settings."""

    def __init__(self, processes: Processes, redis_url: str, catalog: Catalog, **settings: object) -> None:
        self.redis_url, self.catalog, self._processes = redis_url, catalog, processes
        self._numbers = count(1)
        # several may share a folder
        self.models_file = processes.folder / f"models-{redis_url.rpartition(':')[2].partition('/')[0]}.yaml"
        write_catalog(catalog, self.models_file)
        given = {"redis_url": redis_url, "models_file": self.models_file, **settings}
        self.settings = Settings(_env_file=None, **given)  # type: ignore[arg-type] # pydantic checks every value
        ours = self.settings.model_dump(mode="json", include=set(given))
        self._environment = {f"POINTSMAN_{name.upper()}": str(value) for name, value in ours.items()}

    def client(self) -> Client:
        """Return a client that goes straight to Redis."""
        return Client(self.redis_url, models_file=self.models_file)

    def async_client(self) -> AsyncClient:
        """Return the same client for asyncio."""
        return AsyncClient(self.redis_url, models_file=self.models_file)

    def start_dispatcher(self, command: Sequence[str] = DISPATCHER) -> subprocess.Popen[bytes]:
        """Start a dispatcher."""
        return self._start(*command, name="dispatcher")

    def start_api(self) -> subprocess.Popen[bytes]:
        """Start an API process."""
        return self._start("-m", "pointsman", "serve", name="api")

    def start_worker(
        self, models: Sequence[str] | None = None, *, app: str = "pointsman.workers.app"
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
