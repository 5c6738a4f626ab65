"""The dispatcher's side of Redis: read a round, bind, and look after what is late, lost or due."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json
from redis.asyncio import Redis

from ..config.settings import Settings
from ..routing.catalog import Catalog
from ..routing.fault import Fault
from ..routing.plan import Bind, Round
from ..vocabulary.errors import ErrorKind
from ..vocabulary.lanes import Lane
from ..vocabulary.model import Model
from .calls import (
    AnnounceDispatcher,
    BindingJob,
    BindingModel,
    BindJobs,
    ClassifiedJob,
    ClassifyJobs,
    CursorChange,
    DeferJobs,
    ExpireJobs,
    FaultJobs,
    FaultyJob,
    LaterJob,
    PromoteJobs,
    PruneJobs,
    ReadRound,
    ReapLeases,
    RejectedJob,
    RejectJobs,
    ReleaseDue,
    RoundModel,
)
from .connection import translated
from .intake import Intake, read_intake
from .keys import Keys
from .round_answer import to_round
from .scripts import Scripts, milliseconds
from .server_clock import ServerClock

log = logging.getLogger("pointsman.dispatcher")

BATCH = 1000
UNCLAIMED_THAT_COOL = 5
COOL_SECONDS = 10


NO_CURSORS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Trouble:
    """What happened to one job: a `fault`, the last (`quarantined`), it is too `newer`, or its record is `lost`."""

    id: str
    what: str
    why: str
    times: int


class RoundStore:
    """Runs the dispatcher's scripts."""

    def __init__(self, redis: Redis, *, settings: Settings, catalog: Catalog) -> None:
        self.redis, self.settings, self.catalog = redis, settings, catalog
        self.keys = Keys(settings.key_prefix)
        self._scripts = Scripts(redis, self.keys)
        self._dead_ms = milliseconds(settings.dead_ttl_seconds)
        self._clock = ServerClock()

    async def read(self, *, skip_lanes: int = 0, now: int | None = None) -> Round:
        """Read the heads of the lanes, behind the first `skip_lanes`, and every model's state in one round trip."""
        known = self.catalog.models  # the same to the end, also where a reload comes in between
        call = ReadRound(
            now=now,
            expected=self._clock.expected(),
            heads=self.settings.bind_batch,
            skip_lanes=skip_lanes,
            window=self.settings.bind_window_ratio,
            models=[RoundModel(name=name, guarded=_guarded(model)) for name, model in known.items()],
        )
        asked_at = self._clock.monotonic()
        answer = await self._scripts.run(call)
        if now is None:
            self._clock.saw(answer.now, asked_at=asked_at)
        return to_round(answer, known, window=self.settings.bind_window_ratio)

    async def bind(
        self,
        binds: Sequence[Bind],
        *,
        templates: Mapping[str, str],
        token: str,
        cursors: Mapping[str, str] = NO_CURSORS,
        now: int | None = None,
    ) -> list[str]:
        """Bind or move jobs in one script; `cursors` are those the round started from.

        Returns `bound`, `moved`, `gone`, `raced`, `full`, `limited`, `closed` or `faulty` for each, in order.
        """
        names = dict.fromkeys(str(bind.decision.model) for bind in binds if bind.decision.lane is None)
        after = dict(bind.decision.cursor for bind in binds if bind.decision.cursor)
        call = BindJobs(
            now=now,
            expected=self._clock.expected(),
            token=token,
            dead_ms=self._dead_ms,
            release_ms=milliseconds(self.settings.release_seconds),
            window=self.settings.bind_window_ratio,
            models=[_binding_model(self.catalog.models[name], templates[name]) for name in names],
            cursors=[
                CursorChange(name=name, before=cursors.get(name, ""), after=value) for name, value in after.items()
            ],
            jobs=[_binding_job(bind) for bind in binds],
        )
        return await self._scripts.run(call)

    async def read_intake(self, limit: int) -> Intake:
        """Return the first jobs of intake, about a megabyte of text at most: the only read that loads prompts."""
        return await read_intake(self.redis, self.keys, limit=limit)

    async def classify(self, with_lane: Sequence[tuple[str, Lane, str]]) -> int:
        """Move jobs (id, lane, the step that decided) from intake to their lanes; returns how many moved."""
        jobs = [
            ClassifiedJob(id=job_id, task_class=lane.task_class, lane=str(lane), step=step)
            for job_id, lane, step in with_lane
        ]
        return await self._scripts.run(ClassifyJobs(dead_ms=self._dead_ms, jobs=jobs))

    async def reject(self, rejected: Sequence[tuple[str, str, ErrorKind, str]]) -> int:
        """End jobs of intake (id, class, kind, message) that no model can ever do; returns how many ended."""
        jobs = [
            RejectedJob(id=job_id, task_class=task_class, kind=kind, message=message)
            for job_id, task_class, kind, message in rejected
        ]
        return await self._scripts.run(RejectJobs(dead_ms=self._dead_ms, jobs=jobs))

    async def put_aside(self, faults: Sequence[Fault], *, now: int | None = None) -> Sequence[str]:
        """Count faults of jobs; each waits then, or after its third in a row ends in quarantine.

        Returns `delayed`, `quarantined`, or `gone` where another dispatcher was faster, for each, in order.
        """
        jobs = [
            FaultyJob(id=fault.job_id, lane=fault.lane, message=fault.message, for_good=False) for fault in faults
        ]
        return await self._scripts.run(FaultJobs(now=now, dead_ms=self._dead_ms, jobs=jobs))

    async def defer(self, too_new: Sequence[Bind], *, now: int | None = None) -> list[bool]:
        """Let jobs that nobody can read yet wait, longer each time; returns for each whether it does."""
        jobs = [
            LaterJob(id=bind.job.id, lane=str(bind.job.lane), why=_why_too_new(bind), decision=bind.record)
            for bind in too_new
        ]
        return await self._scripts.run(DeferJobs(now=now, dead_ms=self._dead_ms, jobs=jobs))

    async def take_troubles(self) -> list[Trouble]:
        """Return what has happened to jobs since anybody asked, in the order in which it did."""
        with translated():
            rows: Any = await self.redis.lpop(self.keys.key("troubles"), BATCH)
        return [Trouble(**from_json(row)) for row in rows or ()]

    async def release_due(self, model: str, *, all_of_them: bool, now: int | None = None) -> int:
        """Give unclaimed bindings back to their lanes, those past their deadline or all; returns how many."""
        call = ReleaseDue(
            now=now,
            expected=self._clock.expected(),
            model=model,
            all_of_them=all_of_them,
            release_ms=milliseconds(self.settings.release_seconds),
            most=BATCH,
            unclaimed_that_cool=UNCLAIMED_THAT_COOL,
            cool_ms=milliseconds(COOL_SECONDS),
            dead_ms=self._dead_ms,
        )
        return (await self._scripts.run(call)).released

    async def models(self) -> list[str]:
        """Return every model to look after: the configured ones, and those that jobs were bound to before."""
        with translated():
            known: Any = await self.redis.smembers(self.keys.key("models"))
        return list(dict.fromkeys([*self.catalog.models, *sorted(known)]))

    async def reap(self, *, now: int | None = None) -> tuple[int, int]:
        """Take jobs from workers whose lease ran out; returns how many went back and how many ended."""
        settings = self.settings
        call = ReapLeases(
            now=now,
            expected=self._clock.expected(),
            lease_ms=milliseconds(settings.lease_seconds),
            max_losses=settings.max_losses,
            dead_ms=self._dead_ms,
            most=BATCH,
            models=await self.models(),
        )
        answer = await self._scripts.run(call)
        return answer.back, answer.ended

    async def expire(self, *, now: int | None = None) -> int:
        """End jobs whose deadline has passed; returns how many."""
        call = ExpireJobs(now=now, expected=self._clock.expected(), most=BATCH, dead_ms=self._dead_ms)
        return await self._scripts.run(call)

    async def promote(self, *, now: int | None = None) -> int:
        """Put delayed jobs whose time has come back into their lanes; returns how many."""
        call = PromoteJobs(now=now, expected=self._clock.expected(), most=BATCH, dead_ms=self._dead_ms)
        return await self._scripts.run(call)

    async def prune(self, *, now: int | None = None) -> int:
        """Forget ended jobs whose record has expired; returns how many."""
        expected, kinds = self._clock.expected(), tuple(ErrorKind)
        call = PruneJobs(now=now, expected=expected, most=BATCH, dead_ms=self._dead_ms, kinds=kinds)
        return await self._scripts.run(call)

    async def announce(self, dispatcher: str, *, now: int | None = None) -> int:
        """Say that a dispatcher lives; returns how many do."""
        presence_ms = milliseconds(self.settings.presence_seconds)
        return await self._scripts.run(
            AnnounceDispatcher(
                now=now, expected=self._clock.expected(), dispatcher=dispatcher, presence_ms=presence_ms
            )
        )

    async def publish_config(self) -> str:
        """Write this configuration's version as the one in force; returns the one that was."""
        with translated():
            before: Any = await self.redis.hget(self.keys.key("config"), "version")
            await self.redis.hset(self.keys.key("config"), "version", self.catalog.version)
        return before or ""


def _guarded(model: Model) -> bool:
    return model.breaker is not None and model.breaker.suspect_after > 0


def _binding_model(model: Model, template: str) -> BindingModel:
    limits, breaker = model.limits, model.breaker
    return BindingModel(
        name=model.name,
        concurrency=limits.concurrency or 0,
        requests_per_minute=limits.requests_per_minute or 0,
        tokens_per_minute=limits.tokens_per_minute or 0,
        smooth=limits.smooth and bool(limits.requests_per_minute or limits.tokens_per_minute),
        probes=breaker.probes if breaker else 1,
        template=template,
    )


def _why_too_new(bind: Bind) -> str:
    return "; ".join(f"{name}: {why}" for name, why in bind.decision.ruled_out.items())


def _binding_job(bind: Bind) -> BindingJob:
    job, decision = bind.job, bind.decision
    return BindingJob(
        id=job.id,
        lane=str(job.lane),
        model=decision.model or None,
        tokens=job.tokens,
        decision=bind.record,
        cursor=decision.cursor[0] if decision.cursor else None,
        to=str(decision.lane) if decision.lane else None,
    )
