"""Pointsman as a contender: dispatchers and Celery workers in processes of their own, jobs through the client."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from itertools import count

import redis

from pointsman.simulated.catalog import write_catalog
from producer import Client
from router.catalog import Catalog
from router.store.keys import Keys

from .contender import CELERY_READY, Place

DISPATCHERS = 2
OPEN_STATES = ("pending", "bound", "running")


class PointsmanContender:
    """Pointsman with its default settings, but for the lease."""

    def __init__(
        self, *, lease_seconds: float = 15.0, dispatchers: int = DISPATCHERS, app: str = "workers.app"
    ) -> None:
        self.name = "Pointsman"
        self.settings = f"lease {lease_seconds:g} s"
        self.ready = CELERY_READY
        self.back_seconds = lease_seconds + 30.0
        self._lease_seconds, self._dispatchers, self._app = lease_seconds, dispatchers, app
        self._numbers = count(1)

    def open(self, place: Place) -> None:
        """Write the configuration and start the dispatchers."""
        self._processes = place.processes
        models_file = place.processes.folder / "models.yaml"
        write_catalog(_catalog(place.llm_url, place.concurrency), models_file)
        self._environment = {
            "POINTSMAN_REDIS_URL": place.redis_url,
            "POINTSMAN_MODELS_FILE": str(models_file),
            "POINTSMAN_LEASE_SECONDS": str(self._lease_seconds),
        }
        self._client = Client(place.redis_url, models_file=models_file)
        self._redis = redis.Redis.from_url(place.redis_url, decode_responses=True)
        for _ in range(self._dispatchers):
            self._start("-m", "pointsman", "dispatch", name="dispatcher")

    def _start(self, *command: str, name: str) -> subprocess.Popen[bytes]:
        return self._processes.start([sys.executable, *command], name=name, environment=self._environment)

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker as a Celery user would."""
        node = f"bench-{next(self._numbers)}@here"
        return self._start(
            "-m",
            "celery",
            "-A",
            self._app,
            "worker",
            "-Q",
            "llm.bench",
            "-n",
            node,
            "-l",
            "INFO",
            name="worker",
        )

    def submit(self, prompts: Sequence[str]) -> list[str]:
        """Submit through the client."""
        return self._client.submit_many(prompts)

    def left(self) -> int:
        """Count the jobs in a state that is not the last."""
        keys = Keys("")
        return sum(int(self._redis.zcard(keys.key("state", state))) for state in OPEN_STATES)

    def held(self) -> set[str]:
        """Return the jobs in a state that is not the last."""
        keys = Keys("")
        return {str(id) for state in OPEN_STATES for id in self._redis.zrange(keys.key("state", state), 0, -1)}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._redis.close()


def _catalog(llm_url: str, concurrency: int) -> Catalog:
    """Return one model without limits."""
    model = {
        "format": "openai",
        "base_url": f"{llm_url}/v1",
        "upstream": "bench",
        "worker_concurrency": concurrency,
        "timeout_seconds": 60,
    }
    return Catalog.model_validate(
        {"models": {"bench": model}, "task_classes": {"any": {"models": ["bench"]}}, "default_class": "any"}
    )
