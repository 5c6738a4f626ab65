"""Pointsman as a contender: dispatchers and Celery workers in processes of their own, jobs through the client."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import redis

from pointsman import AsyncClient
from pointsman.router.store.keys import Keys

from .contender import CELERY_READY, Setup
from .installation import Installation, catalog_of

DISPATCHERS = 2
OPEN_STATES = ("pending", "bound", "running")


class PointsmanContender:
    """Pointsman with its default settings, but for the lease."""

    def __init__(
        self, *, lease_seconds: float = 15.0, dispatchers: int = DISPATCHERS, app: str = "pointsman.workers.app"
    ) -> None:
        self.name = "Pointsman"
        self.settings = f"lease {lease_seconds:g} s"
        self.ready = CELERY_READY
        self.back_seconds = lease_seconds + 30.0
        self._lease_seconds, self._dispatchers, self._app = lease_seconds, dispatchers, app

    def open(self, setup: Setup) -> None:
        """Write the configuration, of one model without limits, and start the dispatchers."""
        catalog = catalog_of({"bench": {}}, setup.llm_url, worker_concurrency=setup.concurrency)
        self._installation = Installation(
            setup.processes, setup.redis_url, catalog, lease_seconds=self._lease_seconds
        )
        self._client = self._installation.client()
        self._redis = redis.Redis.from_url(setup.redis_url, decode_responses=True)
        for _ in range(self._dispatchers):
            self._installation.start_dispatcher()

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker."""
        return self._installation.start_worker(app=self._app)

    def submit(self, prompts: Sequence[str]) -> list[str]:
        """Submit through the client."""
        return self._client.submit_many(prompts)

    def async_client(self) -> AsyncClient:
        """Return a client for asyncio, straight to Redis."""
        return self._installation.async_client()

    def left(self) -> int:
        """Count the jobs in a state that is not the last."""
        return count_open(self._redis)

    def held(self) -> set[str]:
        """Return the jobs in a state that is not the last."""
        keys = Keys("")
        return {str(id) for state in OPEN_STATES for id in self._redis.zrange(keys.key("state", state), 0, -1)}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._redis.close()


def count_open(client: redis.Redis) -> int:
    """Return how many jobs have not ended."""
    return sum(int(client.zcard(Keys("").key("state", state))) for state in OPEN_STATES)
