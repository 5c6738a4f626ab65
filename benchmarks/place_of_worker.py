"""What a baseline's worker reads from its environment."""

from __future__ import annotations

import os

from .contender import Setup

REDIS, LLM, CONCURRENCY = "BENCH_REDIS_URL", "BENCH_LLM_URL", "BENCH_CONCURRENCY"


def environment(setup: Setup) -> dict[str, str]:
    """Return the variables for a worker at this place."""
    ours = {REDIS: setup.redis_url, LLM: f"{setup.llm_url}/v1", CONCURRENCY: str(setup.concurrency)}
    return ours | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # else LiteLLM looks for prices on the internet first


def redis_url() -> str:
    """Return the Redis of this worker, or of whoever only imports its tasks in order to submit."""
    return os.environ.get(REDIS, "redis://127.0.0.1:6379/0")


def llm_url() -> str:
    """Return the LLM's base URL, with /v1."""
    return os.environ.get(LLM, "")


def concurrency() -> int:
    """Return how many tasks one worker may have in flight."""
    return int(os.environ.get(CONCURRENCY, "16"))
