"""The dispatcher, end to end on a real Redis, with stand-ins for the workers."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from pointsman.router.broker.message import read_task_id
from pointsman.router.config.settings import Settings
from pointsman.router.dispatcher.loop import Dispatcher
from pointsman.router.routing.catalog import Catalog
from pointsman.router.runtime.cancellation import stop
from pointsman.router.store import AttemptStore, JobStore, Offer, Settlement, open_redis
from pointsman.router.vocabulary.job import JobSpec, JobState
from tests.support.redis_server import running_redis
from tests.support.store_driver import RESULT

OFFERS = [Offer("gpt-4", 4, ""), Offer("claude", 8, ""), Offer("gemini", 2, "")]


async def until(check: Callable[[], Awaitable[Any]], *, seconds: float = 20) -> None:
    """Wait until `check` is true."""
    async with asyncio.timeout(seconds):
        while not await check():  # noqa: ASYNC110 # another process has no event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def dispatching(*dispatchers: Dispatcher) -> AsyncIterator[None]:
    """Run dispatchers inside the block."""
    tasks = [asyncio.create_task(dispatcher.run()) for dispatcher in dispatchers]
    try:
        yield
    finally:
        await stop(*tasks)


@asynccontextmanager
async def working(work: AttemptStore, workers: Sequence[Worker]) -> AsyncIterator[None]:
    """Run workers inside the block, and announce them again and again."""

    async def announce() -> None:
        while True:
            await work.announce("w1", OFFERS, config="v1")
            await asyncio.sleep(1)

    tasks = [asyncio.create_task(duty) for duty in (announce(), *(worker.run() for worker in workers))]
    try:
        yield
    finally:
        await stop(*tasks)


class Worker:
    """Pops messages as kombu does, claims and settles; remembers each binding and the deepest ledger it saw."""

    def __init__(self, work: AttemptStore, model: str) -> None:
        self._work, self._model = work, model
        self.messages: list[str] = []
        self.deepest = 0

    async def run(self) -> None:
        """Work until cancelled."""
        redis, keys = self._work.redis, self._work.keys
        while True:
            popped: Any = await redis.brpop([keys.queue(self._model)], timeout=1)
            if popped is None:
                continue
            task_id = json.loads(popped[1])["headers"]["id"]
            self.messages.append(task_id)
            async with redis.pipeline(transaction=True) as both:  # a claim between them would count a job twice
                both.zcard(keys.key("bound", self._model)).zcard(keys.key("running", self._model))
                self.deepest = max(self.deepest, sum(await both.execute()))
            await self._carry_out(*read_task_id(task_id))

    async def _carry_out(self, job_id: str, binding: int) -> None:
        claim = await self._work.claim(job_id, binding, token=self._model, worker="w1", timeout_seconds=60)
        assert claim is not None
        attempt = {"number": 1, "binding": binding, "model": self._model}
        settlement = Settlement(state=JobState.SUCCEEDED, attempt=attempt, result=RESULT)
        assert await self._work.settle(job_id, binding, token="t", settlement=settlement) is JobState.SUCCEEDED


def new_dispatcher(redis: Redis, settings: Settings, catalog: Catalog, seed: int = 1) -> Dispatcher:
    return Dispatcher(redis, settings=settings, catalog=catalog, random=Random(seed))


async def submit(jobs: JobStore, count: int, **fields: Any) -> list[str]:
    fields = {"task_class": "general_information"} | fields
    return await jobs.submit_many([JobSpec(prompt=f"Question {at}", **fields) for at in range(count)])


async def test_two_dispatchers_bind_every_job_exactly_once_and_never_overfill(
    redis: Redis, settings: Settings, catalog: Catalog, jobs: JobStore, work: AttemptStore
) -> None:
    submitted = [*await submit(jobs, 150), *await submit(jobs, 50, task_class=None)]
    await work.announce("w1", OFFERS, config=catalog.version)
    workers = [Worker(work, offer.model) for offer in OFFERS for _ in range(offer.slots)]

    async def all_succeeded() -> bool:
        return await redis.zcard(jobs.keys.key("state", "succeeded")) == len(submitted)

    first, second = (new_dispatcher(redis, settings, catalog, seed) for seed in (1, 2))
    async with working(work, workers), dispatching(first, second):
        await until(all_succeeded, seconds=60)
    messages = Counter(task_id for worker in workers for task_id in worker.messages)
    assert messages == Counter(f"{job_id}.1" for job_id in submitted)
    assert first.bound + second.bound == len(submitted)
    for offer in OFFERS:
        deepest = max(worker.deepest for worker in workers if worker._model == offer.model)
        assert deepest <= offer.slots + int(offer.slots * settings.bind_window_ratio)


async def test_rounds_at_the_same_moment_never_overfill(
    redis: Redis, settings: Settings, catalog: Catalog, jobs: JobStore, work: AttemptStore
) -> None:
    await submit(jobs, 100)
    await work.announce("w1", OFFERS, config=catalog.version)
    dispatchers = [new_dispatcher(redis, settings, catalog, seed) for seed in range(5)]
    for _ in range(3):
        await asyncio.gather(*(dispatcher.round() for dispatcher in dispatchers))
    depths = {offer.model: await redis.zcard(jobs.keys.key("bound", offer.model)) for offer in OFFERS}
    assert depths == {"gpt-4": 4, "claude": 9, "gemini": 2}
    assert sum(dispatcher.bound for dispatcher in dispatchers) == 15


async def test_nothing_is_bound_while_there_is_no_worker(
    redis: Redis, settings: Settings, catalog: Catalog, jobs: JobStore, work: AttemptStore
) -> None:
    await submit(jobs, 5)
    dispatcher = new_dispatcher(redis, settings, catalog)
    async with dispatching(dispatcher):
        await until(lambda: _has_listener(redis, jobs))
        await submit(jobs, 1, task_class=None)
        await until(lambda: _is_empty(redis, jobs.keys.key("intake")))
        assert await redis.zcard(jobs.keys.key("state", "pending")) == 6
        await work.announce("w1", OFFERS, config=catalog.version)
        await until(lambda: _is_empty(redis, jobs.keys.key("state", "pending")))
    assert dispatcher.bound == 6


async def _has_listener(redis: Redis, jobs: JobStore) -> bool:
    channel = jobs.keys.key("wake")
    return bool(dict(await redis.pubsub_numsub(channel))[channel])


async def _is_empty(redis: Redis, name: str) -> bool:
    return await redis.zcard(name) == 0


async def test_a_job_without_a_class_is_classified_by_its_words(
    redis: Redis, settings: Settings, catalog: Catalog, jobs: JobStore
) -> None:
    job_id = await jobs.submit(JobSpec(prompt="My printer shows an error"))
    dispatcher = new_dispatcher(redis, settings, catalog)
    assert await dispatcher.round() is None
    assert (await jobs.get(job_id)).task_class == "technical_support"


async def test_the_decision_is_kept_with_the_job(
    redis: Redis, settings: Settings, catalog: Catalog, jobs: JobStore, work: AttemptStore
) -> None:
    job_id = await jobs.submit(JobSpec(prompt="Hello", task_class="technical_support"))
    await work.announce("w1", [Offer("claude", 1, "")], config=catalog.version)
    await new_dispatcher(redis, settings, catalog).round()
    record = await jobs.get(job_id)
    assert record.decision is not None
    assert record.decision["model"] == "claude"
    assert record.decision["ruled_out"] == {"gpt-4": "no live worker"}
    assert "least loaded" in str(record.decision["reason"])


async def test_bindings_of_a_model_that_lost_its_last_worker_go_to_another_one(
    redis: Redis, settings: Settings, catalog: Catalog, jobs: JobStore, work: AttemptStore
) -> None:
    job_id = await jobs.submit(JobSpec(prompt="Hello", task_class="technical_support"))
    await work.announce("w1", [Offer("claude", 1, "")], config=catalog.version)
    async with dispatching(new_dispatcher(redis, settings, catalog)):
        await until(lambda: _is_bound_to(jobs, job_id, "claude"))
        await work.announce("w2", [Offer("gpt-4", 1, "")], config=catalog.version)
        await work.withdraw("w1", ["claude"])
        await until(lambda: _is_bound_to(jobs, job_id, "gpt-4"))
    assert await redis.llen(jobs.keys.queue("claude")) == 0


async def _is_bound_to(jobs: JobStore, job_id: str, model: str) -> bool:
    record = await jobs.get(job_id)
    return record.state is JobState.BOUND and record.model == model


async def test_a_payload_that_cannot_be_read_holds_up_nobody_else(
    redis: Redis, settings: Settings, catalog: Catalog, jobs: JobStore, work: AttemptStore
) -> None:
    poison = await jobs.submit(JobSpec(prompt="Hello"))
    await redis.set(jobs.keys.key("request", poison), "not JSON")
    (other,) = await submit(jobs, 1, task_class=None)
    dispatcher = new_dispatcher(redis, settings, catalog)
    await work.announce("w1", OFFERS, config=catalog.version)
    while await dispatcher.round() is None:
        pass
    assert [(await jobs.get(job_id)).state for job_id in (poison, other)] == [JobState.BOUND] * 2


async def test_a_full_intake_holds_up_no_job_that_has_a_class(
    redis: Redis, settings: Settings, catalog: Catalog, jobs: JobStore, work: AttemptStore
) -> None:
    await submit(jobs, 500, task_class=None)
    urgent = await jobs.submit(JobSpec(prompt="Now", task_class="technical_support", priority=9))
    dispatcher = new_dispatcher(redis, settings, catalog)
    await work.announce("w1", OFFERS, config=catalog.version)
    await dispatcher.round()
    assert (await jobs.get(urgent)).state is JobState.BOUND


@pytest.fixture
def quiet_redis(tmp_path: Path) -> Iterator[str]:
    """A server that nobody else talks to."""
    with running_redis(tmp_path) as server:
        yield server.url


async def test_an_idle_dispatcher_is_quiet_and_wakes_at_a_submit(
    quiet_redis: str, settings: Settings, catalog: Catalog
) -> None:
    settings = settings.model_copy(update={"redis_url": quiet_redis, "upkeep_seconds": 1.0})
    redis = open_redis(quiet_redis)
    jobs, work = JobStore(redis, settings=settings, catalog=catalog), AttemptStore(redis, settings=settings)
    dispatcher = new_dispatcher(redis, settings, catalog)
    async with dispatching(dispatcher):
        await until(lambda: _has_listener(redis, jobs))
        await work.announce("w1", OFFERS, config=catalog.version)
        await asyncio.sleep(0.3)  # the first rounds are over
        before = await _commands(redis)
        await asyncio.sleep(2)  # the quiet itself is what is measured
        per_second = (await _commands(redis) - before) / 2
        asked = asyncio.get_running_loop().time()
        await submit(jobs, 1)

        async def bound() -> bool:
            return dispatcher.bound == 1

        await until(bound)
        waited = asyncio.get_running_loop().time() - asked
    await redis.aclose()
    assert per_second < 20, "calls from outside; commands inside scripts are not counted"
    assert waited < 0.5, "woken, not found at the next look"


async def _commands(redis: Redis) -> int:
    """Return how many commands clients have sent, INFO and those of scripts left out."""
    stats: Any = await redis.info("commandstats")
    return sum(stat["calls"] for name, stat in stats.items() if name in ("cmdstat_evalsha", "cmdstat_eval"))
