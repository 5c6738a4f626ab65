"""Submits jobs in a bounded window and yields each record as its job ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence, Sized

from router.job import JobRecord

from .doors import Door
from .flow import Flow, Item
from .progress import Tally, Tell
from .pulling import Items, Pull
from .specs import Job, JobFields, make_spec

TELL_SECONDS = 0.25


async def run_many(
    door: Door, jobs: Items[Job], fields: JobFields, *, window: int, retries: int, progress: Tell | None
) -> AsyncGenerator[JobRecord, None]:
    """Yield the record of each job as it ends; raises what the jobs or `progress` raise, and what a submit does."""
    pull, tally = Pull(jobs), Tally(len(jobs) if isinstance(jobs, Sized) else None)
    telling = _Telling(tally, progress)

    async def take(most: int) -> Sequence[Item[None]] | None:
        some = await pull.some(most)
        if some is None:
            return None
        tally.submitted += len(some)
        return [Item(None, make_spec(job, fields)) for job in some]

    try:
        async with Flow(door, take, window=window, retries=retries, tell=tally.note_trouble) as flow:
            while (ends := await flow.ends(TELL_SECONDS)) is not None:
                for end in ends:
                    if end.record is None:
                        raise end.error or RuntimeError("a job ended without a record")
                    result = end.record.result
                    tally.add(succeeded=result is not None, cost_usd=result.cost_usd if result else None)
                    telling.tell()
                    yield end.record
                telling.tell()
        telling.tell(last=True)
    finally:
        await pull.close()


class _Telling:
    """Tells the progress, but not too often."""

    def __init__(self, tally: Tally, progress: Tell | None) -> None:
        self._tally, self._progress = tally, progress
        self._clock = asyncio.get_running_loop().time
        self._next = 0.0

    def tell(self, *, last: bool = False) -> None:
        if self._progress is not None and (last or self._clock() >= self._next):
            self._next = self._clock() + TELL_SECONDS
            self._progress(self._tally.progress())
