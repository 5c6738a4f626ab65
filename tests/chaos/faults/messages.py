"""Broker messages come twice, late, or not at all."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from tests.chaos.faults.registry import fault
from tests.chaos.fleet.fleet import MODELS
from tests.chaos.trial import Trial

LATE_SECONDS = (0.2, 3.0)


@fault(short=True)
async def messages_doubled_dropped_and_delayed(trial: Trial) -> None:
    """A consumer of ours takes messages from the models' queues and gives them back as a bad broker would."""
    enough = asyncio.Event()
    thief = asyncio.create_task(_steal(trial, enough))
    try:
        await trial.submit(2000)
        await trial.until_share_ended(1)
    finally:
        enough.set()
        await thief
    await trial.succeeded()


async def _steal(trial: Trial, enough: asyncio.Event) -> None:
    queues = [trial.keys.queue(model) for model in MODELS]
    own = Redis.from_url(trial.fleet.settings.redis_url, decode_responses=True)
    late: set[asyncio.Task[None]] = set()
    try:
        while not enough.is_set():
            taken = await own.brpop(queues, timeout=1)
            if taken is None:
                continue
            queue, message = taken
            how = trial.random.choice(["doubled", "dropped", "delayed"])
            trial.notes[how] = trial.notes.get(how, 0) + 1
            if how == "doubled":
                await own.lpush(queue, message, message)
            elif how == "delayed":
                late.add(asyncio.create_task(_push_late(own, queue, message, trial.random.uniform(*LATE_SECONDS))))
    finally:
        await asyncio.gather(*late)
        await own.aclose()


async def _push_late(own: Redis, queue: str, message: str, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await own.lpush(queue, message)
