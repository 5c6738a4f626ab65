"""Three dispatchers over four models: no model is ever above its slots, and shares are as with one dispatcher."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.dispatcher.loop import Dispatcher
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import AttemptStore, JobStore, Offer, open_redis
from pointsman.router.vocabulary.job import JobSpec
from tests.support.store_driver import success

JOBS = 3_000
SECONDS_AT_MOST = 280.0
pytestmark = pytest.mark.timeout(300)
SLOTS = {"m0": 8, "m1": 8, "m2": 16, "m3": 32}
WEIGHTS = {"m0": 1, "m1": 2, "m2": 3, "m3": 4}


def catalog_of(strategy: object) -> Catalog:
    """Return four models whose concurrency limit is their number of slots."""
    model = {"format": "openai", "base_url": "http://x", "upstream": "x"}
    models = {name: {**model, "limits": {"concurrency": slots}} for name, slots in SLOTS.items()}
    work = {"models": list(SLOTS), "strategy": strategy}
    return Catalog.model_validate({"models": models, "task_classes": {"work": work}, "default_class": "work"})


class Workers:
    """Simulated workers: they take messages from a model's queue, claim, and settle at once."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.redis, self.store = redis, AttemptStore(redis, settings=settings)
        self.over = False  # a flag: redis-py may swallow the cancellation of a task that is just reading
        self.done: Counter[str] = Counter()
        self.highest: Counter[str] = Counter()

    async def announce(self) -> None:
        """Say again and again that they live."""
        offers = [Offer(name, slots, "") for name, slots in SLOTS.items()]
        while not self.over:
            await self.store.announce("w1", offers, config="v1")
            await asyncio.sleep(0.2)

    async def work(self, model: str) -> None:
        """Take whatever is in the queue of one model, and note how deep its ledger is meanwhile."""
        keys = self.store.keys
        while not self.over:
            messages: Any = await self.redis.rpop(keys.queue(model), 8)
            pipeline = self.redis.pipeline()  # one transaction: a job is in one of them, not both
            pipeline.zcard(keys.key("bound", model)).zcard(keys.key("running", model))
            self.highest[model] = max(self.highest[model], sum(await pipeline.execute()))
            if not messages:
                await asyncio.sleep(0.002)
                continue
            await asyncio.gather(*(self._attempt(model, json.loads(message)) for message in messages))

    async def _attempt(self, model: str, message: dict[str, Any]) -> None:
        job_id, _, binding = message["headers"]["id"].rpartition(".")
        token = secrets.token_hex(8)
        claim = await self.store.claim(job_id, int(binding), token=token, worker="w1", timeout_seconds=60)
        if claim is not None:
            await self.store.settle(job_id, int(binding), token=token, settlement=success())
            self.done[model] += 1


async def run_all(settings: Settings, strategy: object, *, jobs: int, dispatchers: int) -> Workers:
    """Submit the jobs, dispatch and work until all are done."""
    catalog = catalog_of(strategy)
    redis = open_redis(settings.redis_url)
    clients = [open_redis(settings.redis_url) for _ in range(dispatchers)]
    workers = Workers(redis, settings)
    store = JobStore(redis, settings=settings, catalog=catalog)
    try:
        for start in range(0, jobs, 1000):
            count = min(1000, jobs - start)
            await store.submit_many([JobSpec(prompt=f"{start + at}", task_class="work") for at in range(count)])
        loops = [Dispatcher(client, settings=settings, catalog=catalog).run() for client in clients]
        async with asyncio.timeout(SECONDS_AT_MOST), asyncio.TaskGroup() as group:
            for duty in (workers.announce(), *map(workers.work, SLOTS)):
                group.create_task(duty)
            dispatching = [group.create_task(loop) for loop in loops]
            try:
                while sum(workers.done.values()) < jobs:  # noqa: ASYNC110 # they count in this very process
                    await asyncio.sleep(0.05)
            finally:
                workers.over = True
            for task in dispatching:
                task.cancel()
        assert not await redis.zcard(store.keys.key("lanes"))
        for name in SLOTS:
            counters = await redis.hgetall(store.keys.key("stats", name))
            counters |= await redis.hgetall(store.keys.key("reserved", name))
            assert all(float(value) >= 0 for value in counters.values())
        return workers
    finally:
        for client in (redis, *clients):
            await client.aclose()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Leases long enough for a busy machine."""
    return settings.model_copy(update={"lease_seconds": 30.0, "release_seconds": 30.0, "upkeep_seconds": 1.0})


def with_own_keys(settings: Settings) -> Settings:
    """Return the settings with a key prefix that nobody has."""
    return settings.model_copy(update={"key_prefix": f"t{secrets.token_hex(6)}:"})


@pytest.mark.slow
async def test_many_jobs_in_turns_by_weight(settings: Settings) -> None:
    strategy = {"name": "weighted_round_robin", "weights": WEIGHTS}
    workers = await run_all(settings, strategy, jobs=JOBS, dispatchers=3)
    assert workers.done == {name: JOBS * weight // 10 for name, weight in WEIGHTS.items()}
    assert all(workers.highest[name] <= slots for name, slots in SLOTS.items())


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["least_connections", "round_robin", "random", "consistent_hash"])
async def test_shares_are_as_with_one_dispatcher(settings: Settings, strategy: str) -> None:
    three = await run_all(settings, strategy, jobs=1_500, dispatchers=3)
    one = await run_all(with_own_keys(settings), strategy, jobs=1_500, dispatchers=1)
    for workers in (one, three):
        assert sum(workers.done.values()) == 1_500
        assert all(workers.highest[name] <= slots for name, slots in SLOTS.items())
    near = {name: abs(one.done[name] - three.done[name]) for name in SLOTS}
    assert max(near.values()) <= (0 if strategy == "round_robin" else 200), (one.done, three.done)
