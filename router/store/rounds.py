"""The dispatcher's side of Redis: read a round, bind, and look after what is late, lost or due."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import from_json
from redis.asyncio import Redis

from ..config.settings import Settings
from ..routing.catalog import Catalog
from ..routing.decide import Waiting
from ..routing.model_state import ModelState
from ..routing.placement import IntakeJob
from ..routing.plan import Bind, LaneHead, Round
from ..vocabulary.errors import ErrorKind
from ..vocabulary.facts import read_facts
from ..vocabulary.lanes import Lane
from ..vocabulary.model import Model
from .compression import unpack
from .connection import translated
from .keys import Keys
from .scripts import Argument, Scripts, milliseconds, moment

log = logging.getLogger("pointsman.dispatcher")

BATCH = 1000
INTAKE_TOKENS = 250_000
"""About a megabyte of text; its size in Redis tells little, since it is deflated there."""
UNCLAIMED_THAT_COOL = 5
COOL_SECONDS = 10


INTAKE_FIELDS = ("tenant", "facts", "task_class", "pinned_model")
NO_CURSORS: Mapping[str, str] = {}


class RoundStore:
    """Runs the dispatcher's scripts."""

    def __init__(self, redis: Redis, *, settings: Settings, catalog: Catalog) -> None:
        self.redis, self.settings, self.catalog = redis, settings, catalog
        self.keys = Keys(settings.key_prefix)
        self._scripts = Scripts(redis, self.keys)

    async def read(self, *, skip_lanes: int = 0, now: int | None = None) -> Round:
        """Read the heads of the lanes, behind the first `skip_lanes`, and every model's state in one round trip."""
        known = self.catalog.models  # the same to the end, also where a reload comes in between
        names = list(known)
        settings = self.settings
        window = settings.bind_window_ratio
        answer = await self._scripts.run("read_round", moment(now), settings.bind_batch, skip_lanes, window, *names)
        read_at, intake, due, lanes, more_lanes, models, cursors = answer
        waiting = _waiting(lanes)
        states = {
            name: self._state(known[name], row, int(read_at), waiting.get(name, 0))
            for name, row in zip(names, models, strict=True)
        }
        return Round(
            now=int(read_at),
            intake=int(intake),
            next_due=int(float(due)) if due else None,
            lanes=tuple(map(_lane_head, lanes)),
            states=states,
            cursors=dict(zip(cursors[::2], cursors[1::2], strict=True)),
            more_lanes=bool(more_lanes),
        )

    def _state(self, model: Model, row: Sequence[Any], now: int, waiting: int) -> ModelState:
        slots, workers, bound, running, served, cooled, paused, down, requests, tokens, oldest, *measured = row
        latency, latency_at, per_token, errors, errors_at, *more = measured
        breaker, open_until, breaker_why, probes, *vendor = more
        requests_left, requests_left_until, tokens_left, tokens_left_until = vendor
        return ModelState(
            model=model,
            announced=int(slots),
            workers=int(workers),
            bound=int(bound),
            running=int(running),
            served=int(served),
            now=now,
            cooled_until=int(float(cooled)),
            paused=paused,
            down=down,
            requests_in_minute=int(requests),
            tokens_in_minute=int(tokens),
            oldest_leaves=int(float(oldest)),
            window=self.settings.bind_window_ratio,
            waiting=waiting,
            latency_ms=float(latency) if latency else None,
            latency_at=int(float(latency_at)),
            ms_per_token=float(per_token) if per_token else None,
            errors=float(errors),
            errors_at=int(float(errors_at)),
            breaker=breaker,
            open_until=int(float(open_until)),
            breaker_why=breaker_why,
            probes=int(probes),
            requests_left=_count(requests_left),
            requests_left_until=int(requests_left_until),
            tokens_left=_count(tokens_left),
            tokens_left_until=int(tokens_left_until),
        )

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

        Returns `bound`, `moved`, `gone`, `raced`, `full`, `limited` or `closed` for each, in order.
        """
        names = list(dict.fromkeys(str(bind.decision.model) for bind in binds if bind.decision.lane is None))
        models: list[Argument] = []
        for name in names:
            limits, breaker = self.catalog.models[name].limits, self.catalog.models[name].breaker
            models += [
                name,
                limits.concurrency or 0,
                limits.requests_per_minute or 0,
                limits.tokens_per_minute or 0,
                breaker.probes if breaker else 1,
                templates[name],
            ]
        jobs = [part for bind in binds for part in _bind_row(bind)]
        after = dict(bind.decision.cursor for bind in binds if bind.decision.cursor)
        memory = [part for name, value in after.items() for part in (name, cursors.get(name, ""), value)]
        release_ms = milliseconds(self.settings.release_seconds)
        window = self.settings.bind_window_ratio
        answer: list[str] = await self._scripts.run(
            "bind_jobs", moment(now), token, release_ms, window, len(names), *models,
            len(after), *memory, *jobs,
        )  # fmt: skip
        return answer

    async def read_intake(self, limit: int) -> list[IntakeJob]:
        """Return the first jobs of intake, about a megabyte of text at most: the only read that loads prompts."""
        with translated():
            ids: Any = await self.redis.zrange(self.keys.key("intake"), 0, limit - 1)
            rows: Any = await self._of_each(ids, "hmget", "job", *INTAKE_FIELDS)
            known = [_intake_job(job_id, row) for job_id, row in zip(ids, rows, strict=True)]
            few = _within(INTAKE_TOKENS, known)
            requests: Any = await self._of_each([job.id for job in few], "get", "request")
        both = zip(few, requests, strict=True)
        return [replace(job, payload=_decoded(request)) for job, request in both if request]

    async def _of_each(self, ids: Sequence[str], command: str, name: str, *fields: str) -> Any:
        """Run a command on the key called `name` of each job, in one round trip."""
        pipeline = self.redis.pipeline(transaction=False)
        for job_id in ids:
            getattr(pipeline, command)(self.keys.key(name, job_id), *fields)
        return await pipeline.execute() if ids else []

    async def classify(self, with_lane: Sequence[tuple[str, Lane, str]]) -> int:
        """Move jobs (id, lane, the step that decided) from intake to their lanes; returns how many moved."""
        arguments = [
            part for job_id, lane, step in with_lane for part in (job_id, lane.task_class, str(lane), step)
        ]
        return int(await self._scripts.run("classify_jobs", *arguments))

    async def reject(self, rejected: Sequence[tuple[str, str, ErrorKind, str]]) -> int:
        """End jobs of intake (id, class, kind, message) that no model can ever do; returns how many ended."""
        ttl = milliseconds(self.settings.dead_ttl_seconds)
        return int(await self._scripts.run("reject_jobs", "", ttl, *[part for job in rejected for part in job]))

    async def release_due(self, model: str, *, all_of_them: bool, now: int | None = None) -> int:
        """Give unclaimed bindings back to their lanes, those past their deadline or all; returns how many."""
        released, _moved = await self._scripts.run(
            "release_due",
            moment(now),
            model,
            "all" if all_of_them else "due",
            milliseconds(self.settings.release_seconds),
            BATCH,
            UNCLAIMED_THAT_COOL,
            milliseconds(COOL_SECONDS),
        )
        return int(released)

    async def models(self) -> list[str]:
        """Return every model to look after: the configured ones, and those that jobs were bound to before."""
        with translated():
            known: Any = await self.redis.smembers(self.keys.key("models"))
        return list(dict.fromkeys([*self.catalog.models, *sorted(known)]))

    async def reap(self, *, now: int | None = None) -> tuple[int, int]:
        """Take jobs from workers whose lease ran out; returns how many went back and how many ended."""
        settings = self.settings
        back, ended = await self._scripts.run(
            "reap_leases",
            moment(now),
            milliseconds(settings.lease_seconds),
            settings.max_losses,
            milliseconds(settings.dead_ttl_seconds),
            BATCH,
            *await self.models(),
        )
        return int(back), int(ended)

    async def expire(self, *, now: int | None = None) -> int:
        """End jobs whose deadline has passed; returns how many."""
        ttl = milliseconds(self.settings.dead_ttl_seconds)
        return int(await self._scripts.run("expire_jobs", moment(now), BATCH, ttl))

    async def promote(self, *, now: int | None = None) -> int:
        """Put delayed jobs whose time has come back into their lanes; returns how many."""
        return int(await self._scripts.run("promote_jobs", moment(now), BATCH))

    async def prune(self, *, now: int | None = None) -> int:
        """Forget ended jobs whose record has expired; returns how many."""
        dead_ms = milliseconds(self.settings.dead_ttl_seconds)
        return int(await self._scripts.run("prune_jobs", moment(now), BATCH, dead_ms, *ErrorKind))

    async def announce(self, dispatcher: str, *, now: int | None = None) -> int:
        """Say that a dispatcher lives; returns how many do."""
        presence_ms = milliseconds(self.settings.presence_seconds)
        return int(await self._scripts.run("announce_dispatcher", moment(now), dispatcher, presence_ms))

    async def publish_config(self) -> str:
        """Write this configuration's version as the one in force; returns the one that was."""
        with translated():
            before: Any = await self.redis.hget(self.keys.key("config"), "version")
            await self.redis.hset(self.keys.key("config"), "version", self.catalog.version)
        return before or ""


def _within(most: int, jobs: Sequence[IntakeJob]) -> list[IntakeJob]:
    """Return the first jobs whose input tokens together stay within `most`; one at least."""
    taken: list[IntakeJob] = []
    for job in jobs:
        most -= job.facts.input_tokens
        if taken and most < 0:
            break
        taken.append(job)
    return taken


def _lane_head(row: Sequence[Any]) -> LaneHead:
    name, waiting, *flat = row
    lane = Lane.parse(name)
    jobs = tuple(_job(lane, *flat[at : at + 3]) for at in range(0, len(flat), 3))
    return LaneHead(jobs, more=int(waiting) > len(jobs))


def _job(lane: Lane, job_id: str, position: str, facts: str) -> Waiting:
    known = read_facts(facts)
    return Waiting(job_id, float(position), known.tokens, lane, known)


def _waiting(lanes: Sequence[Sequence[Any]]) -> dict[str, int]:
    """Return how many jobs only wait for each model."""
    waiting: dict[str, int] = {}
    for name, count, *_ in lanes:
        only = Lane.parse(name).only
        if only:
            waiting[only] = waiting.get(only, 0) + int(count)
    return waiting


def _count(value: int | str) -> int | None:
    return None if value == "" else int(value)


def _bind_row(bind: Bind) -> list[Argument]:
    job, decision = bind.job, bind.decision
    record = "" if decision.kept else json.dumps(decision.record(), separators=(",", ":"))
    cursor = decision.cursor[0] if decision.cursor else ""
    lane = str(decision.lane) if decision.lane else ""
    return [job.id, str(job.lane), decision.model or "", job.tokens, record, cursor, lane]


def _intake_job(job_id: str, row: Sequence[str | None]) -> IntakeJob:
    tenant, facts, task_class, named = row
    return IntakeJob(job_id, tenant or "", {}, read_facts(facts or ""), task_class, named)


def _decoded(request: str) -> dict[str, Any]:
    try:
        return dict(from_json(unpack(request)))
    except (ValueError, TypeError):
        log.warning("a payload cannot be read; its job gets the default class")
        return {}
