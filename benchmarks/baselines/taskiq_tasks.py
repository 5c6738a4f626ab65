"""taskiq on Redis streams, with results: `taskiq worker benchmarks.baselines.taskiq_tasks:broker`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import httpx
import redis
from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from benchmarks.contender import Setup, results_url
from benchmarks.place_of_worker import concurrency, environment, llm_url, redis_url
from pointsman.router.runtime.http import AsyncClient, open_client

MODULE = "benchmarks.baselines.taskiq_tasks"
AT_ONCE = 50
"""Below the 100 connections that redis-py opens at most unless told otherwise."""


def _broker(url: str) -> RedisStreamBroker:
    """Return the broker that taskiq-redis recommends where tasks must not be lost: streams, acknowledged."""
    results: RedisAsyncResultBackend[Any] = RedisAsyncResultBackend(results_url(url))
    # from the first message on, since the jobs may be there before the worker
    return RedisStreamBroker(url, consumer_id="0").with_result_backend(results)


broker = _broker(redis_url())


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_http(state: TaskiqState) -> None:
    """Open one client for all tasks, with the transport that does not collapse (see router/runtime/http.py)."""
    state.client = open_client(connections=concurrency(), base_url=llm_url(), timeout_seconds=60)


@broker.task(task_name="noop")
async def noop(prompt: str) -> str:
    """Return at once."""
    return prompt


@broker.task(task_name="ask", retry_on_error=True)
async def ask(prompt: str) -> dict[str, Any]:
    """Ask the model."""
    client: AsyncClient = broker.state.client
    body = {"model": "bench", "messages": [{"role": "user", "content": prompt}]}
    response: httpx.Response = await client.post("/chat/completions", json=body)
    response.raise_for_status()
    answer = response.json()
    return {"text": answer["choices"][0]["message"]["content"], "usage": answer["usage"]}


class TaskiqContender:
    """One taskiq worker process."""

    name = "taskiq"
    ready = "Listening started."

    def __init__(self, task: str) -> None:
        self._task = task
        self.settings = f"streams, {'httpx' if task == 'ask' else 'results'}"

    def open(self, setup: Setup) -> None:
        """Remember the place."""
        self._setup, self._submitted = setup, 0
        self._results = redis.Redis.from_url(setup.results_url)

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one worker process with so many tasks at once."""
        command = ["-m", "taskiq", "worker", f"{MODULE}:broker", "--workers", "1"]
        command += ["--max-async-tasks", str(self._setup.concurrency), "--log-level", "INFO"]
        variables = environment(self._setup)
        return self._setup.processes.start([sys.executable, *command], name="worker", environment=variables)

    def submit(self, prompts: Sequence[str]) -> list[str]:
        """Kick a task for each prompt, some at a time."""
        self._submitted += len(prompts)
        return asyncio.run(self._kick(prompts))

    async def _kick(self, prompts: Sequence[str]) -> list[str]:
        sender = _broker(self._setup.redis_url)
        await sender.startup()
        kicker = {"noop": noop, "ask": ask}[self._task].kicker().with_broker(sender)
        ids: list[str] = []
        for at in range(0, len(prompts), AT_ONCE):
            ids += [task.task_id for task in await asyncio.gather(*map(kicker.kiq, prompts[at : at + AT_ONCE]))]
        await sender.shutdown()
        return ids

    def left(self) -> int:
        """Return the tasks less the results."""
        return self._submitted - int(self._results.dbsize())

    def close(self) -> None:
        """Close the connection."""
        self._results.close()
