"""LiteLLM's Router in one process with asyncio: no queue, so whoever stops it loses what it had not done."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence

import redis as blocking_redis
from redis.asyncio import Redis

from benchmarks.contender import Setup
from benchmarks.place_of_worker import concurrency, environment, llm_url, redis_url

MODULE = "benchmarks.baselines.litellm_router"
PROMPTS, LEFT = "prompts", "left"
"""The prompts go to the process, and how many are left comes back, through Redis: it is not measured."""
PRINT_SECONDS = 0.1
READY = "router is ready"


async def main() -> None:
    """Answer every prompt, so many at a time, and say how many are left."""
    from litellm import Router  # noqa: PLC0415 # takes seconds, and only the process that routes needs it

    deployment = {
        "model": "openai/bench",
        "api_base": llm_url(),
        "api_key": "none",
        "max_parallel_requests": 10_000,
    }
    router = Router(model_list=[{"model_name": "bench", "litellm_params": deployment}], num_retries=2, timeout=60)
    room, redis = asyncio.Semaphore(concurrency()), Redis.from_url(redis_url())
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    _, message = await redis.blpop(PROMPTS, timeout=0)
    waiting = set(json.loads(message))

    async def ask(prompt: str) -> str:
        async with room:
            answer = await router.acompletion(model="bench", messages=[{"role": "user", "content": prompt}])
        waiting.discard(prompt)
        return str(answer.choices[0].message.content)

    asking = asyncio.gather(*map(ask, list(waiting)))
    while not asking.done():
        await redis.set(LEFT, len(waiting))
        await asyncio.sleep(PRINT_SECONDS)
    await asking
    await redis.set(LEFT, len(waiting))


class LitellmRouterContender:
    """One process with the Router."""

    name, settings = "LiteLLM Router", "one process, no queue"
    ready = READY

    def open(self, setup: Setup) -> None:
        """Remember the place."""
        self._setup = setup
        self._redis = blocking_redis.Redis.from_url(setup.redis_url)

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start the process."""
        command = [sys.executable, "-m", MODULE]
        return self._setup.processes.start(command, name="worker", environment=environment(self._setup))

    def submit(self, prompts: Sequence[str]) -> list[str]:
        """Hand over all prompts at once."""
        self._redis.set(LEFT, len(prompts))
        self._redis.rpush(PROMPTS, json.dumps(list(prompts)))
        return list(prompts)

    def left(self) -> int:
        """Return how many prompts have no answer yet."""
        return int(self._redis.get(LEFT) or 0)

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()


if __name__ == "__main__":
    asyncio.run(main())
