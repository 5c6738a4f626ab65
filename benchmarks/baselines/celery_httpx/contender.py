"""The hand-made worker as a contender."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import redis
from celery import Celery

from benchmarks.contender import CELERY_READY, Setup
from benchmarks.place_of_worker import environment

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

    ready = CELERY_READY

    def __init__(self, variant: Options, *, app: str = APP, task: str = "baseline.ask", named: str = "") -> None:
        self._variant, self._module, self._task = variant, app, task
        self.name = named or f"Celery {variant.pool}"
        self.settings = _settings_in_words(variant)
        sweep = 12 if variant.often_restored else SWEEP_SECONDS + MUTEX_SECONDS
        # an hour is not waited for: what is held by then is counted as stuck
        self.back_seconds = variant.visibility_seconds + sweep if variant.visibility_seconds else 10.0
        self._numbers = count(1)

    def open(self, setup: Setup) -> None:
        """Make the client's side of the application."""
        self._setup = setup
        self._options = replace(
            self._variant,
            redis_url=setup.redis_url,
            llm_url=f"{setup.llm_url}/v1",
            concurrency=setup.concurrency,
        )
        self._app = Celery("client", set_as_current=False)
        self._app.conf.update(configuration(self._options))
        self._redis = redis.Redis.from_url(setup.redis_url, decode_responses=True)
        self._results = redis.Redis.from_url(self._options.results_url)
        self._submitted = 0

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker as the docs say."""
        node = f"bench-{next(self._numbers)}@here"
        # -P on the command line: it is there that Celery patches the process for gevent
        command = ["-m", "celery", "-A", self._module, "worker", "-P", self._options.pool, "-n", node, "-l", "INFO"]
        variables = environment(self._setup) | self._options.environment
        return self._setup.processes.start([sys.executable, *command], name="worker", environment=variables)

    def submit(self, prompts: Sequence[str]) -> list[str]:
        """Publish a task for each prompt, over one connection."""
        self._submitted += len(prompts)
        with self._app.producer_pool.acquire(block=True) as producer:
            return [
                # the result is read by key, so nothing has to be subscribed to for each task
                self._app.send_task(self._task, [prompt], producer=producer, ignore_result=False).id
                for prompt in prompts
            ]

    def ask(self, prompt: str, timeout: float) -> None:
        """Submit one task, and wait for its result; threads may do so at once."""
        self._app.send_task(self._task, [prompt], ignore_result=False).get(timeout=timeout)

    def left(self) -> int:
        """Return the jobs less the results."""
        return self._submitted - int(self._results.dbsize())

    def held(self) -> set[str]:
        """Return the tasks that wait in the queue or are not acknowledged."""
        waiting = [json.loads(message) for message in self._redis.lrange(QUEUE, 0, -1)]
        unacknowledged = [json.loads(entry)[0] for entry in self._redis.hvals("unacked")]
        return {message["headers"]["id"] for message in (*waiting, *unacknowledged)}

    def close(self) -> None:
        """Close the connections."""
        self._app.close()
        self._redis.close()
        self._results.close()


def _settings_in_words(variant: Options) -> str:
    if not variant.acks_late:
        return "acks early"
    sweep = ", sweep 2 s" if variant.often_restored else ""
    return f"acks late, visibility {variant.visibility_seconds or HOUR} s{sweep}"
