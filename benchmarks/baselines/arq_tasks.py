"""arq with a task that does nothing; results are kept: `arq benchmarks.baselines.arq_tasks.WorkerSettings`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

import redis
from arq import create_pool
from arq.connections import RedisSettings

from benchmarks.contender import Setup
from benchmarks.place_of_worker import concurrency, environment, redis_url

MODULE = "benchmarks.baselines.arq_tasks"
AT_ONCE = 50
"""Below the 100 connections that redis-py opens at most unless told otherwise."""


async def noop(_: dict[str, Any], prompt: str) -> str:
    """Return at once."""
    return prompt


class WorkerSettings:
    """What arq's command line reads; all else is arq's default."""

    functions: ClassVar[list[Any]] = [noop]
    redis_settings = RedisSettings.from_dsn(redis_url())
    max_jobs = concurrency()


class ArqContender:
    """One arq worker process."""

    name, settings = "arq", "results"
    ready = "Starting worker"

    def open(self, setup: Setup) -> None:
        """Remember the place."""
        self._setup, self._submitted = setup, 0
        self._redis = redis.Redis.from_url(setup.redis_url)

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one worker process with so many tasks at once."""
        command = [sys.executable, "-m", "arq", f"{MODULE}.WorkerSettings"]
        return self._setup.processes.start(command, name="worker", environment=environment(self._setup))

    def submit(self, prompts: Sequence[str]) -> list[str]:
        """Enqueue a job for each prompt, some at a time."""
        return asyncio.run(self._enqueue(prompts))

    async def _enqueue(self, prompts: Sequence[str]) -> list[str]:
        pool = await create_pool(RedisSettings.from_dsn(self._setup.redis_url))
        ids: list[str] = []
        for at in range(0, len(prompts), AT_ONCE):
            jobs = await asyncio.gather(*(pool.enqueue_job("noop", one) for one in prompts[at : at + AT_ONCE]))
            ids += [job.job_id for job in jobs if job is not None]
        await pool.aclose()
        return ids

    def left(self) -> int:
        """Return the jobs that are in the queue; arq takes a job out when it has written its result."""
        return int(self._redis.zcard("arq:queue"))

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()
