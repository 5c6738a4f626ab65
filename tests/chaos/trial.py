"""One fault in the making: a running fleet, jobs of its own, and what the fault may cost."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from redis.asyncio import Redis

from pointsman.router.store import JobStore, Keys, ModelStore, open_redis
from pointsman.router.vocabulary.job import TERMINAL, JobRecord, JobSpec, JobState
from tests.chaos.fleet.fleet import DISPATCHERS, MODELS, Fleet
from tests.chaos.published import Published
from tests.support.live import eventually

BATCH = 250
SECONDS_AT_MOST = 100.0
CLOSED = ("cooling", "paused", "down")


@dataclass
class Allowed:
    """What a fault may cost at most; nothing, unless it says so."""

    extra_paid: int = 0
    overlaps: int = 0
    lost: int = 0
    overwritten: int = 0


@dataclass
class Trial:
    """What a fault works with."""

    name: str
    fleet: Fleet
    seed: int
    redis: Redis
    published: Published
    first_call: int
    ended_before: int = 0
    ids: list[str] = field(default_factory=list)
    allowed: Allowed = field(default_factory=Allowed)
    notes: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        settings, catalog = self.fleet.settings, self.fleet.catalog
        self.random = Random(f"{self.seed}:{self.name}")
        self.jobs = JobStore(self.redis, settings=settings, catalog=catalog)
        self.models = ModelStore(self.redis, settings=settings, catalog=catalog)
        self.keys = self.jobs.keys

    @classmethod
    @asynccontextmanager
    async def on(cls, fleet: Fleet, name: str, seed: int) -> AsyncIterator[Trial]:
        """Yield a trial on a fleet that is whole, and let its models behave again afterwards."""
        redis = open_redis(fleet.settings.redis_url)
        try:
            async with Published.collecting(redis, Keys(fleet.settings.key_prefix)) as published:
                first_call = len(await fleet.ledger.calls())
                trial = cls(name, fleet, seed, redis, published, first_call)
                await trial.until_whole()
                trial.ended_before = await trial.ended()
                trial.began = time.time()
                yield trial
        finally:
            await fleet.ledger.behave()
            await redis.aclose()

    async def submit(self, count: int, **fields: Any) -> list[str]:
        """Submit jobs of every kind in batches; `fields` go into each."""
        ids: list[str] = []
        while len(ids) < count:
            specs = [self._job(**fields) for _ in range(min(BATCH, count - len(ids)))]
            ids += await self.jobs.submit_many(specs)
        self.ids += ids
        return ids

    def _job(self, **fields: Any) -> JobSpec:
        """Return a job of some class, or of none, so that every lane and intake take part."""
        drawn = {
            "prompt": f"whatever {secrets.token_hex(4)}",
            "task_class": self.random.choice(["any", "turns", None]),
            "priority": self.random.choice([2, 5, 8]),
            "tenant": self.random.choice(["north", "south"]),
        }
        return JobSpec(**{**drawn, **fields})

    async def ended(self) -> int:
        """Return how many jobs have ended, not counting those of earlier faults."""
        pipeline = self.redis.pipeline(transaction=False)
        for state in TERMINAL:
            pipeline.zcard(self.keys.key("state", state))
        return sum(await pipeline.execute()) - self.ended_before

    @property
    def expected(self) -> int:
        """How many jobs there should be: those submitted, but not those that the fault may lose."""
        return len(self.ids) - self.allowed.lost

    async def left(self) -> int:
        """Return how many jobs have not ended yet."""
        return self.expected - await self.ended()

    async def until(self, check: Callable[[], Awaitable[Any]], what: str) -> Any:
        """Wait until `check` returns something true; the failure shows the logs."""
        try:
            return await eventually(check, what=what, seconds=SECONDS_AT_MOST)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{await self.models.views()}\n{self.fleet.logs()}") from None

    async def until_share_ended(self, share: float) -> None:
        """Wait until this share of the jobs submitted so far has ended; fails when none ends for a long time."""

        ended = 0

        async def more() -> bool:
            return await self.ended() > ended

        while ended < share * self.expected:
            await self.until(more, f"more than {ended} of {self.expected} jobs ended")
            ended = await self.ended()

    async def until_ended(self, ids: Sequence[str]) -> None:
        """Wait until each of these jobs has ended."""

        async def ended() -> bool:
            records = await self.jobs.get_many(ids)
            return all(record is not None and record.done for record in records)

        await self.until(ended, f"{len(ids)} jobs have ended")

    async def until_calling(self, ids: list[str]) -> None:
        """Wait until every one of these jobs has a call open."""

        async def calling() -> bool:
            calls = await self.fleet.ledger.calls(self.first_call)
            return set(ids) <= {call.job for call in calls if call.ended is None}

        await self.until(calling, f"calls of {len(ids)} jobs")

    async def records(self) -> list[JobRecord | None]:
        """Return the records of all jobs, in the order they were submitted."""
        found: list[JobRecord | None] = []
        for at in range(0, len(self.ids), BATCH):
            found += await self.jobs.get_many(self.ids[at : at + BATCH])
        return found

    async def wait_unless_done(self, seconds: float) -> None:
        """Wait so long, or until every job has ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.until_share_ended(1)

    async def ready_workers(self) -> list[str]:
        """Return the names of the workers that announce slots now."""
        pipeline = self.redis.pipeline(transaction=False)
        for model in MODELS:
            pipeline.hkeys(self.keys.key("workers", model))
        nodes = {node for nodes in await pipeline.execute() for node in nodes}
        return [name for name in self.fleet.workers if any(f":{self.fleet.pid(name)}:" in node for node in nodes)]

    async def kill_worker(self, name: str) -> list[str]:
        """Kill a worker; returns the jobs it had in flight, each of which may be paid again."""
        pid = self.fleet.kill(name)
        jobs = await self.in_flight_in(pid)
        self.may_pay_again(jobs, "in flight in killed workers")
        return jobs

    def may_pay_again(self, jobs: list[str], why: str) -> None:
        """Allow one more paid call for each of these jobs, and note why."""
        self.allowed.extra_paid += len(jobs)
        self.notes[why] = self.notes.get(why, 0) + len(jobs)

    async def in_flight_in(self, pid: int) -> list[str]:
        """Return the jobs that Redis's ledger holds for one worker's process."""
        pipeline = self.redis.pipeline(transaction=False)
        for model in MODELS:
            pipeline.zrange(self.keys.key("running", model), 0, -1)
        running = [job for jobs in await pipeline.execute() for job in jobs]
        for job in running:
            pipeline.hget(self.keys.key("job", job), "worker")
        workers = await pipeline.execute() if running else []
        return [job for job, worker in zip(running, workers, strict=True) if f":{pid}:" in (worker or "")]

    async def until_whole(self) -> None:
        """Wait until every part says that it lives, no dead one still counts, and no model is closed."""

        async def whole() -> bool:
            views = await self.models.views()
            dispatchers = await self.models.live_dispatchers()
            return (
                sum(view.capacity for view in views) == self.fleet.capacity
                and len(dispatchers) == len(DISPATCHERS)
                and not any(view.status.startswith(CLOSED) for view in views)
            )

        await self.until(whole, "every part lives and every model is open")

    def everybody_lives(self) -> None:
        """Assert that no worker and no dispatcher has ended."""
        gone = [name for name in (*DISPATCHERS, *self.fleet.workers) if self.fleet.ended(name)]
        assert not gone, f"{gone} ended\n{self.fleet.logs()}"

    async def succeeded(self) -> None:
        """Assert that every job ended with an answer."""
        others = [record for record in await self.records() if record and record.state is not JobState.SUCCEEDED]
        assert not others, f"{len(others)} did not succeed, such as {others[0]}"
