"""SAQ with a task that does nothing; results are kept: `saq benchmarks.baselines.saq_tasks.settings`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import redis
from redis.asyncio import Redis
from saq.queue.redis import RedisQueue

from benchmarks.contender import Setup
from benchmarks.place_of_worker import concurrency, environment, redis_url

MODULE = "benchmarks.baselines.saq_tasks"
AT_ONCE = 50
"""Below the 100 connections that redis-py opens at most unless told otherwise."""


def _queue(url: str) -> RedisQueue:
    """Return a queue; redis-py's default of 100 connections is too few for 100 tasks at once."""
    return RedisQueue(Redis.from_url(url, max_connections=1000))


async def noop(_: dict[str, Any], *, prompt: str) -> str:
    """Return at once."""
    return prompt


settings = {"queue": _queue(redis_url()), "functions": [noop], "concurrency": concurrency()}


class SaqContender:
    """One SAQ worker process."""

    name, settings = "saq", "results"
    ready = "Worker starting"

    def open(self, setup: Setup) -> None:
        """Remember the place."""
        self._setup = setup
        self._redis = redis.Redis.from_url(setup.redis_url)

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one worker process with so many tasks at once."""
        command = [sys.executable, "-m", "saq", f"{MODULE}.settings", "-v"]
        return self._setup.processes.start(command, name="worker", environment=environment(self._setup))

    def submit(self, prompts: Sequence[str]) -> list[str]:
        """Enqueue a job for each prompt, some at a time."""
        return asyncio.run(self._enqueue(prompts))

    async def _enqueue(self, prompts: Sequence[str]) -> list[str]:
        queue = _queue(self._setup.redis_url)
        ids: list[str] = []
        for at in range(0, len(prompts), AT_ONCE):
            # the result is kept for ten minutes, which is SAQ's default
            jobs = await asyncio.gather(*(queue.enqueue("noop", prompt=one) for one in prompts[at : at + AT_ONCE]))
            ids += [job.key for job in jobs if job is not None]
        await queue.disconnect()
        return ids

    def left(self) -> int:
        """Return the jobs that SAQ counts as incomplete."""
        return int(self._redis.zcard("saq:default:incomplete"))

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()
