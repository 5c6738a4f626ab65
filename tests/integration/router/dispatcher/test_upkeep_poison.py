"""Whatever is damaged of a job, wherever it is: rounds and duties go on, and so do the others."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.dispatcher.loop import Dispatcher
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import AttemptStore, JobStore, Offer
from pointsman.router.vocabulary.job import JobSpec, JobState
from tests.support.poison import FIELDS

VALUES = ("", "none", "-1", "1e400", "|", "{", "nan")
STAGES = ("intake", "lane", "delayed", "bound", "running")
KEYS = ("job", "request", "decision", "history", "streamed_text")


class Place:
    """One dispatcher, and jobs at each stage."""

    def __init__(self, redis: Redis, settings: Settings, catalog: Catalog) -> None:
        self.redis = redis
        self.jobs = JobStore(redis, settings=settings, catalog=catalog)
        self.work = AttemptStore(redis, settings=settings)
        self.dispatcher = Dispatcher(redis, settings=settings, catalog=catalog, random=Random(1))
        self.keys = self.jobs.keys
        self.brought: list[str] = []

    async def bring(self, stage: str) -> str:
        """Return a job that has come so far."""
        task_class = None if stage == "intake" else "technical_support"
        job_id = await self.jobs.submit(JobSpec(prompt="x", task_class=task_class, priority=9))
        self.brought.append(job_id)
        if stage == "delayed":
            lane: Any = await self.redis.hget(self.keys.key("job", job_id), "lane")  # type: ignore[misc] # redis-py types are of both clients
            await self.redis.zrem(self.keys.key("lane", lane), job_id)
            await self.redis.zadd(self.keys.key("delayed"), {job_id: 0})
        if stage in ("bound", "running"):
            await self.round()
        if stage == "running":
            assert await self.work.claim(job_id, 1, token="t", worker="w1", timeout_seconds=60)
        return job_id

    async def round(self) -> None:
        offers = [Offer(name, 5000, "") for name in ("gpt-4", "claude", "gemini")]
        await self.work.announce("w2", offers, config="v1")
        await self.dispatcher.round()

    async def all_is_due(self) -> None:
        """Let every lease, binding, wait and deadline of what is damaged be over; the good jobs have not begun."""
        for name in ("bound", "running"):
            for model in ("gpt-4", "claude", "gemini"):
                key = self.keys.key(name, model)
                for job_id in await self.redis.zrange(key, 0, -1):
                    await self.redis.zadd(key, {job_id: 1})
        for name in ("delayed", "deadlines"):
            for job_id in await self.redis.zrange(self.keys.key(name), 0, -1):
                await self.redis.zadd(self.keys.key(name), {job_id: 1})
        await self.redis.hset(self.keys.key("reap"), "resume", 0)  # type: ignore[misc] # redis-py types are of both clients

    async def go_on(self) -> None:
        """Do everything that a dispatcher does, some times; it must not raise."""
        for _ in range(3):
            await self.round()
            await self.dispatcher.store.reap()
            await self.all_is_due()
            await self.dispatcher.store.reap()
            await self.dispatcher._upkeep.once()
            await self.round()

    async def nothing_ended_begins_anew(self) -> None:
        """A job that has its end has no other, whatever ledger still holds it."""
        for job_id in self.brought:
            state, finished = await self.redis.hmget(self.keys.key("job", job_id), "state", "finished")
            assert finished is None or JobState(state or "").terminal, job_id

    async def a_good_job_is_bound(self) -> None:
        good = [await self.bring("intake"), await self.bring("lane")]
        for _ in range(3):
            await self.round()
        states = [record.state for record in await self.jobs.get_many(good) if record is not None]
        assert states == [JobState.BOUND] * 2


@pytest.fixture
def place(redis: Redis, settings: Settings, catalog: Catalog) -> Place:
    return Place(redis, settings, catalog)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("value", VALUES)
async def test_any_field_of_any_job_may_be_nonsense(place: Place, stage: str, value: str) -> None:
    for field in FIELDS:
        job_id = await place.bring(stage)
        await place.redis.hset(place.keys.key("job", job_id), field, value)  # type: ignore[misc] # redis-py types are of both clients
    await place.go_on()
    await place.nothing_ended_begins_anew()
    await place.a_good_job_is_bound()


@pytest.mark.parametrize("stage", STAGES)
async def test_any_field_of_any_job_may_be_missing(place: Place, stage: str) -> None:
    for field in FIELDS:
        job_id = await place.bring(stage)
        await place.redis.hdel(place.keys.key("job", job_id), field)  # type: ignore[misc] # redis-py types are of both clients
    await place.go_on()
    await place.nothing_ended_begins_anew()
    await place.a_good_job_is_bound()


@pytest.mark.parametrize("stage", STAGES)
async def test_any_key_of_any_job_may_be_of_another_type_or_gone(place: Place, stage: str) -> None:
    kinds: Mapping[str, Any] = {"string": place.redis.set, "list": place.redis.rpush, "none": None}
    for name in KEYS:
        for write in kinds.values():
            key = place.keys.key(name, await place.bring(stage))
            await place.redis.delete(key)
            if write is not None:
                await write(key, "what is this?")
    await place.go_on()
    await place.a_good_job_is_bound()
