"""Jobs of a newer version wait for workers that announced that they can read them, and hold up nobody meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from pointsman.router.config.settings import Settings
from pointsman.router.dispatcher.loop import Dispatcher
from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import JobStore, ModelStore, Offer
from pointsman.router.store import attempts as worker_side
from pointsman.router.store import jobs as producer_side
from pointsman.router.store.attempts import AttemptStore
from pointsman.router.vocabulary.job import PAYLOAD_SCHEMA, JobSpec, JobState

NEWER = PAYLOAD_SCHEMA + 1


class Mixed:
    """Producers and workers of two versions around one dispatcher; each version is what its side announces."""

    def __init__(self, redis: Redis, settings: Settings, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
        self.redis, self.settings, self._patch = redis, settings, monkeypatch
        self.jobs = JobStore(redis, settings=settings, catalog=catalog)
        self.work = AttemptStore(redis, settings=settings)
        self.models = ModelStore(redis, settings=settings, catalog=catalog)
        self.dispatcher = Dispatcher(redis, settings=settings, catalog=catalog, random=Random(1))
        self.keys = self.jobs.keys

    async def submit(self, count: int, *, schema: int = PAYLOAD_SCHEMA, **fields: Any) -> list[str]:
        """Submit jobs as a producer of a version does."""
        fields = {"task_class": "technical_support"} | fields
        with self._patch.context() as patch:
            patch.setattr(producer_side, "PAYLOAD_SCHEMA", schema)
            return await self.jobs.submit_many([JobSpec(prompt=f"Question {at}", **fields) for at in range(count)])

    async def announce(self, model: str, slots: int, *, schema: int = PAYLOAD_SCHEMA, worker: str = "") -> None:
        """Announce a worker of a version."""
        with self._patch.context() as patch:
            patch.setattr(worker_side, "PAYLOAD_SCHEMA", schema)
            await self.work.announce(worker or f"{model} {schema}", [Offer(model, slots, "")], config="v1")

    async def claim(self, job_id: str, binding: int, *, schema: int) -> bool:
        with self._patch.context() as patch:
            patch.setattr(worker_side, "PAYLOAD_SCHEMA", schema)
            return await self.work.claim(job_id, binding, token="t", worker="w", timeout_seconds=9) is not None

    async def rounds(self, count: int = 4) -> None:
        for _ in range(count):
            await self.dispatcher.round()

    async def now_is_later(self) -> None:
        for job_id in await self.redis.zrange(self.keys.key("delayed"), 0, -1):
            await self.redis.zadd(self.keys.key("delayed"), {job_id: 0})

    async def bound(self, model: str) -> list[str]:
        found: Any = await self.redis.zrange(self.keys.key("bound", model), 0, -1)
        return list(found)

    async def states(self, job_ids: Sequence[str]) -> set[JobState]:
        return {record.state for record in await self.jobs.get_many(job_ids) if record is not None}

    async def requests(self, model: str) -> int:
        return (await self.dispatcher.store.read()).states[model].requests_in_minute


@pytest.fixture
def mixed(redis: Redis, settings: Settings, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Mixed:
    return Mixed(redis, settings, catalog, monkeypatch)


async def test_newer_jobs_use_up_nothing_and_starve_nobody(mixed: Mixed) -> None:
    newer = await mixed.submit(100, schema=NEWER, priority=9)
    readable = await mixed.submit(20)
    for model in ("gpt-4", "claude"):
        await mixed.announce(model, 10)
    for _ in range(3):
        await mixed.rounds(8)
        await mixed.now_is_later()
    bound = [*await mixed.bound("gpt-4"), *await mixed.bound("claude")]
    assert set(bound) == set(readable)
    assert await mixed.states(newer) == {JobState.PENDING}
    assert await mixed.requests("gpt-4") + await mixed.requests("claude") == len(readable)
    assert {record.attempts for record in await mixed.jobs.get_many(newer) if record} == {0}


async def test_they_wait_longer_each_time_and_say_why(mixed: Mixed, caplog: pytest.LogCaptureFixture) -> None:
    (job_id,) = await mixed.submit(1, schema=NEWER)
    await mixed.announce("gpt-4", 10)
    waits = []
    for _ in range(7):
        await mixed.rounds(2)
        due: Any = await mixed.redis.zscore(mixed.keys.key("delayed"), job_id)
        seconds, micros = await mixed.redis.time()
        waits.append(round(due / 1000 - seconds - micros / 1e6))
        await mixed.now_is_later()
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    decision: Any = (await mixed.jobs.get(job_id)).decision
    assert f"read payloads up to version {PAYLOAD_SCHEMA}, this one is {NEWER}" in decision["ruled_out"]["gpt-4"]
    with caplog.at_level(logging.WARNING):
        await mixed.dispatcher._upkeep.once()
    assert caplog.text.count(f"job {job_id}: its payload is newer than its workers") == 1


async def test_they_go_to_the_model_whose_workers_announced_that_they_read_them(mixed: Mixed) -> None:
    newer = await mixed.submit(5, schema=NEWER)
    await mixed.announce("gpt-4", 50)
    await mixed.announce("claude", 50, schema=NEWER)
    await mixed.rounds()
    assert set(await mixed.bound("claude")) == set(newer)
    assert await mixed.bound("gpt-4") == []


async def test_those_that_wait_for_a_full_model_do_not_keep_others_from_the_one_with_room(mixed: Mixed) -> None:
    newer = await mixed.submit(40, schema=NEWER, priority=9)
    readable = await mixed.submit(20)
    await mixed.announce("gpt-4", 50)
    await mixed.announce("claude", 2, schema=NEWER)
    await mixed.rounds(8)
    assert set(await mixed.bound("claude")) <= set(newer)
    assert len(await mixed.bound("claude")) == 2
    assert set(await mixed.bound("gpt-4")) == set(readable)
    assert await mixed.redis.zcard(mixed.keys.key("delayed")) == 0, "they stand in line for claude"


@pytest.mark.parametrize("order", [(PAYLOAD_SCHEMA, NEWER), (NEWER, PAYLOAD_SCHEMA)])
async def test_a_model_gets_them_once_its_last_old_worker_is_gone(mixed: Mixed, order: tuple[int, int]) -> None:
    (job_id,) = await mixed.submit(1, schema=NEWER, model="gpt-4", task_class=None)
    for schema in order:
        await mixed.announce("gpt-4", 5, schema=schema)
    await mixed.rounds()
    assert await mixed.states([job_id]) == {JobState.PENDING}, "any of them may take the next message"
    await mixed.work.withdraw(f"gpt-4 {PAYLOAD_SCHEMA}", ["gpt-4"])
    await mixed.now_is_later()
    await mixed.rounds()
    assert await mixed.bound("gpt-4") == [job_id]
    assert await mixed.claim(job_id, 1, schema=NEWER)


async def test_workers_that_announce_no_version_are_old_ones(mixed: Mixed) -> None:
    newer, readable = await mixed.submit(1, schema=NEWER), await mixed.submit(1)
    entry = '{"slots":5,"expires":9000000000000000,"config":"v1"}'
    await mixed.redis.hset(mixed.keys.key("workers", "gpt-4"), "old", entry)  # type: ignore[misc] # redis-py types are of both clients
    await mixed.rounds()
    assert await mixed.bound("gpt-4") == readable
    assert await mixed.states(newer) == {JobState.PENDING}


async def test_an_old_worker_that_gets_one_all_the_same_gives_it_back_unpaid(mixed: Mixed) -> None:
    (job_id,) = await mixed.submit(1, schema=NEWER)
    await mixed.announce("gpt-4", 5, schema=NEWER)
    await mixed.rounds()
    assert await mixed.bound("gpt-4") == [job_id]
    assert not await mixed.claim(job_id, 1, schema=PAYLOAD_SCHEMA)
    record = await mixed.jobs.get(job_id)
    assert (record.state, record.attempts, record.history) == (JobState.PENDING, 0, ())
    assert record.not_before is not None
    assert await mixed.requests("gpt-4") == 0
    await mixed.now_is_later()
    await mixed.rounds()
    assert await mixed.claim(job_id, 2, schema=NEWER)


async def test_a_context_that_looks_like_a_version_is_none(mixed: Mixed) -> None:
    (job_id,) = await mixed.submit(1, context={"schema": 99, 'x","schema"': "9"})
    await mixed.announce("gpt-4", 5)
    await mixed.rounds()
    assert await mixed.claim(job_id, 1, schema=PAYLOAD_SCHEMA)


async def test_jobs_from_before_versions_were_kept_with_them_are_read_by_everybody(mixed: Mixed) -> None:
    (job_id,) = await mixed.submit(1)
    await mixed.redis.hset(mixed.keys.key("job", job_id), "facts", '{"in":5,"out":9}')  # type: ignore[misc] # redis-py types are of both clients
    await mixed.announce("gpt-4", 5, schema=1)
    await mixed.rounds()
    assert await mixed.claim(job_id, 1, schema=1)


async def test_two_dispatchers_let_a_job_wait_once(
    mixed: Mixed, redis: Redis, settings: Settings, catalog: Catalog
) -> None:
    (job_id,) = await mixed.submit(1, schema=NEWER)
    await mixed.announce("gpt-4", 5)
    other = Dispatcher(redis, settings=settings, catalog=catalog, random=Random(2))
    seen = await mixed.dispatcher.store.read()
    await other.round()
    from pointsman.router.routing.plan import plan_round  # noqa: PLC0415 # only this test plans by hand

    plan = plan_round(seen, catalog, limit=9, random=Random(1))
    assert await mixed.dispatcher.store.defer(plan.too_new) == [False]
    times: Any = await redis.hget(mixed.keys.key("job", job_id), "deferred")  # type: ignore[misc] # redis-py types are of both clients
    assert times == "1"


async def test_models_warn_of_workers_that_are_too_old_for_what_is_submitted(mixed: Mixed) -> None:
    await mixed.announce("gpt-4", 5, schema=PAYLOAD_SCHEMA - 1)
    await mixed.announce("claude", 5)
    warnings = [line for line in await mixed.models.warnings(await mixed.models.views()) if "payloads" in line]
    assert [line.partition(":")[0] for line in warnings] == ["gpt-4"]
    assert "update them" in warnings[0]
