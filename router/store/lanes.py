"""Lanes as a whole: which of them wait for models that are gone, and how their jobs are moved elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from redis.asyncio import Redis

from ..config.settings import Settings
from ..routing.catalog import Catalog
from ..routing.stranded import Destination, Origin, stranded_because, way_out
from ..vocabulary.lanes import Lane
from .calls import MoveJobs
from .connection import translated
from .keys import Keys
from .round_answer import parsed_lane
from .scripts import Scripts, milliseconds

AT_ONCE = 500
"""Jobs that one script moves: some milliseconds of Redis's time."""


class LaneStore:
    """Looks at all lanes, and moves what waits in some of them."""

    def __init__(self, redis: Redis, *, settings: Settings) -> None:
        self._redis, self._keys = redis, Keys(settings.key_prefix)
        self._scripts = Scripts(redis, self._keys)
        self._dead_ms = milliseconds(settings.dead_ttl_seconds)

    async def stranded(self, catalog: Catalog) -> list[str]:
        """Return which waiting jobs no model of the catalog will ever take, in words that say what to do."""
        reasons: dict[str, int] = {}
        for lane, waiting in await self._lanes():
            if why := stranded_because(lane, catalog):
                reasons[why] = reasons.get(why, 0) + waiting
        return [f"{count} jobs wait for nobody: {why}" for why, count in reasons.items()]

    async def follow_renames(self, catalog: Catalog) -> int:
        """Move jobs whose class or model has another name now; nothing while another catalog is in force."""
        with translated():
            in_force: Any = await self._redis.hget(self._keys.key("config"), "version")
        if in_force != catalog.version:
            return 0
        ways = {lane: way for lane, _ in await self._lanes() if (way := way_out(lane, catalog))}
        return sum([await self._empty(lane, to) for lane, to in ways.items()])

    async def move(self, origin: Origin, to: Destination) -> int:
        """Let waiting jobs name another class or model; returns how many. Those that are bound or run stay."""
        moved = sum([await self._empty(lane, to) for lane, _ in await self._lanes() if origin.has(lane)])
        return moved + await self._move_delayed(origin.has, to)

    async def _lanes(self) -> list[tuple[Lane, int]]:
        """Return every lane whose name can be read, with the number of jobs that wait in it."""
        with translated():
            names: Any = await self._redis.zrange(self._keys.key("lanes"), 0, -1)
            pipeline = self._redis.pipeline(transaction=False)
            for name in names:
                pipeline.zcard(self._keys.key("lane", name))
            sizes = await pipeline.execute() if names else []
        both = ((parsed_lane(name), size) for name, size in zip(names, sizes, strict=True))
        return [(lane, size) for lane, size in both if lane is not None]

    async def _empty(self, lane: Lane, to: Destination) -> int:
        """Move all jobs that wait in a lane."""
        moved, more = 0, 1
        while more:
            with translated():
                ids: Any = await self._redis.zrange(self._keys.key("lane", str(lane)), 0, AT_ONCE - 1)
            more = await self._move(str(lane), ids, to) if ids else 0
            moved += more
        return moved

    async def _move_delayed(self, goes: Callable[[Lane], bool], to: Destination) -> int:
        """Move the jobs that wait for their time, each in its lane's name."""
        moved = 0
        async for rows in self._delayed():
            for name in {name for _, name in rows if name and (lane := parsed_lane(name)) and goes(lane)}:
                moved += await self._move(name, [job_id for job_id, other in rows if other == name], to)
        return moved

    async def _delayed(self) -> AsyncIterator[list[tuple[str, str | None]]]:
        """Yield all delayed jobs with the names of their lanes, many at a time."""
        with translated():
            ids: Any = await self._redis.zrange(self._keys.key("delayed"), 0, -1)
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            with translated():
                pipeline = self._redis.pipeline(transaction=False)
                for job_id in some:
                    pipeline.hget(self._keys.key("job", job_id), "lane")
                lanes = await pipeline.execute(raise_on_error=False)
            yield [(job_id, lane) for job_id, lane in zip(some, lanes, strict=True) if isinstance(lane, str)]

    async def _move(self, lane: str, ids: Sequence[str], to: Destination) -> int:
        call = MoveJobs(dead_ms=self._dead_ms, lane=lane, jobs=ids, task_class=to.task_class, model=to.model)
        return await self._scripts.run(call)
