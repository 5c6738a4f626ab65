"""The hand-made worker as a contender."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from itertools import count

import redis
from celery import Celery

from benchmarks.processes import Processes

from .configuration import configuration
from .options import Options

APP = "benchmarks.baselines.celery_httpx.app"
QUEUE = "celery"
HOUR = 3600
SWEEP_SECONDS = 100
"""How often kombu looks for lost messages unless told: unacked_restore_interval x unacked_restore_throttle."""
MUTEX_SECONDS = 300
"""How long the lock of a worker that died while it looked keeps the others from looking: unacked_mutex_expire."""


class CeleryContender:
    """One variant; `pool` is threads, prefork or gevent, `visibility_seconds` 0 the default of an hour."""

    def __init__(
        self, *, pool: str = "threads", acks_late: bool = True, visibility_seconds: int = 0, often: bool = False
    ) -> None:
        self._variant = {
            "pool": pool,
            "acks_late": acks_late,
            "visibility_seconds": visibility_seconds,
            "often_restored": often,
        }
        self.name = f"Celery {pool}"
        visible = f"visibility {visibility_seconds or HOUR} s"
        self.settings = (f"acks late, {visible}" if acks_late else "acks early") + (", sweep 2 s" if often else "")
        sweep = 12 if often else SWEEP_SECONDS + MUTEX_SECONDS
        # an hour is not waited for: what is held by then is counted as stuck
        self.back_seconds = visibility_seconds + sweep if visibility_seconds else 10.0
        self._numbers = count(1)

    def open(self, processes: Processes, *, redis_url: str, llm_url: str, concurrency: int) -> None:
        """Make the client's side of the application."""
        self._processes = processes
        self._options = Options(redis_url, f"{llm_url}/v1", concurrency=concurrency, **self._variant)  # type: ignore[arg-type] # each has its type above
        self._app = Celery("client", set_as_current=False)
        self._app.conf.update(configuration(self._options))
        self._redis = redis.Redis.from_url(redis_url, decode_responses=True)

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker as the docs say."""
        node = f"bench-{next(self._numbers)}@here"
        # -P on the command line: it is there that Celery patches the process for gevent
        command = ["-m", "celery", "-A", APP, "worker", "-P", self._options.pool, "-n", node, "-l", "INFO"]
        environment = self._options.environment
        return self._processes.start([sys.executable, *command], name="worker", environment=environment)

    def submit(self, prompts: Sequence[str]) -> list[str]:
        """Publish a task for each prompt, over one connection."""
        with self._app.producer_pool.acquire(block=True) as producer:
            return [
                # the result is read by key, so nothing has to be subscribed to for each task
                self._app.send_task("baseline.ask", [prompt], producer=producer, ignore_result=False).id
                for prompt in prompts
            ]

    def held(self) -> set[str]:
        """Return the tasks that wait in the queue or are not acknowledged."""
        waiting = [json.loads(message) for message in self._redis.lrange(QUEUE, 0, -1)]
        unacknowledged = [json.loads(entry)[0] for entry in self._redis.hvals("unacked")]
        return {message["headers"]["id"] for message in (*waiting, *unacknowledged)}

    def close(self) -> None:
        """Close the connections."""
        self._app.close()
        self._redis.close()
