"""The dispatcher's side of Redis: read a round, bind, and look after what is late, lost or due."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from ..catalog import Catalog
from ..decide import Waiting
from ..lanes import Lane
from ..model_state import ModelState
from ..round import Bind, LaneHead, Round
from ..settings import Settings
from .connection import translated
from .keys import Keys
from .scripts import Argument, Scripts
from .units import milliseconds, moment

BATCH = 1000
INTAKE_BYTES = 1_000_000
UNCLAIMED_THAT_COOL = 5
COOL_SECONDS = 30


class RoundStore:
    """Runs the dispatcher's scripts."""

    def __init__(self, redis: Redis, *, settings: Settings, catalog: Catalog) -> None:
        self.redis, self.settings, self.catalog = redis, settings, catalog
        self.keys = Keys(settings.key_prefix)
        self._scripts = Scripts(redis, self.keys)

    async def read(self, *, skip_lanes: int = 0, now: int | None = None) -> Round:
        """Read the heads of the lanes, behind the first `skip_lanes`, and every model's state in one round trip."""
        names = list(self.catalog.models)
        answer = await self._scripts.run("read_round", moment(now), self.settings.bind_batch, skip_lanes, *names)
        read_at, intake, due, lanes, more_lanes, models = answer
        states = {name: self._state(name, row, int(read_at)) for name, row in zip(names, models, strict=True)}
        return Round(
            now=int(read_at),
            intake=int(intake),
            next_due=int(float(due)) if due else None,
            lanes=tuple(map(_lane_head, lanes)),
            states=states,
            more_lanes=bool(more_lanes),
        )

    def _state(self, name: str, row: Sequence[Any], now: int) -> ModelState:
        slots, workers, bound, running, served, cooled, paused, down, requests, tokens, oldest = row
        return ModelState(
            model=self.catalog.models[name],
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
        )

    async def bind(
        self, binds: Sequence[Bind], *, templates: Mapping[str, str], token: str, now: int | None = None
    ) -> list[str]:
        """Bind jobs in one script; returns `bound`, `gone`, `full`, `limited` or `closed` for each, in order."""
        names = list(dict.fromkeys(str(bind.decision.model) for bind in binds))
        models: list[Argument] = []
        for name in names:
            limits = self.catalog.models[name].limits
            models += [
                name,
                limits.concurrency or 0,
                limits.requests_per_minute or 0,
                limits.tokens_per_minute or 0,
                templates[name],
            ]
        jobs: list[Argument] = []
        for bind in binds:
            record = json.dumps(bind.decision.record(), separators=(",", ":"))
            jobs += [bind.job.id, str(bind.job.lane), str(bind.decision.model), bind.job.tokens, record]
        release_ms = milliseconds(self.settings.release_seconds)
        window = self.settings.bind_window_ratio
        answer: list[str] = await self._scripts.run(
            "bind_jobs", moment(now), token, release_ms, window, len(names), *models, *jobs
        )
        return answer

    async def read_intake(self, limit: int) -> list[tuple[str, str, str]]:
        """Return id, tenant and payload of the first jobs of intake, about a megabyte at most.

        This is the only read that loads prompts.
        """
        with translated():
            ids: Any = await self.redis.zrange(self.keys.key("intake"), 0, limit - 1)
            sizes: Any = await self._of_each(ids, "hstrlen", "payload")
            few = _within(INTAKE_BYTES, ids, sizes)
            rows: Any = await self._of_each(few, "hmget", "tenant", "payload")
        return [(job_id, row[0], row[1]) for job_id, row in zip(few, rows, strict=True) if row[1]]

    async def _of_each(self, ids: Sequence[str], command: str, *fields: str) -> Any:
        pipeline = self.redis.pipeline(transaction=False)
        for job_id in ids:
            getattr(pipeline, command)(self.keys.key("job", job_id), *fields)
        return await pipeline.execute() if ids else []

    async def classify(self, classified: Sequence[tuple[str, Lane, str]]) -> int:
        """Move jobs (id, lane, the step that decided) from intake to their lanes; returns how many moved."""
        arguments = [part for job_id, lane, step in classified for part in (job_id, lane.work, str(lane), step)]
        return int(await self._scripts.run("classify_jobs", *arguments))

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
            milliseconds(settings.result_ttl_seconds),
            BATCH,
            *await self.models(),
        )
        return int(back), int(ended)

    async def expire(self, *, now: int | None = None) -> int:
        """End jobs whose deadline has passed; returns how many."""
        ttl = milliseconds(self.settings.result_ttl_seconds)
        return int(await self._scripts.run("expire_jobs", moment(now), BATCH, ttl))

    async def promote(self, *, now: int | None = None) -> int:
        """Put delayed jobs whose time has come back into their lanes; returns how many."""
        return int(await self._scripts.run("promote_jobs", moment(now), BATCH))

    async def prune(self, *, now: int | None = None) -> int:
        """Forget ended jobs whose record has expired; returns how many."""
        return int(await self._scripts.run("prune_jobs", moment(now), BATCH))

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


def _within(most: int, ids: Sequence[str], sizes: Sequence[int]) -> list[str]:
    """Return the first ids whose sizes together stay within `most`; one at least."""
    taken: list[str] = []
    for job_id, size in zip(ids, sizes, strict=True):
        most -= size
        if taken and most < 0:
            break
        taken.append(job_id)
    return taken


def _lane_head(row: Sequence[Any]) -> LaneHead:
    name, waiting, *flat = row
    lane = Lane.parse(name)
    jobs = tuple(Waiting(flat[at], float(flat[at + 1]), int(flat[at + 2]), lane) for at in range(0, len(flat), 3))
    return LaneHead(jobs, more=int(waiting) > len(jobs))
