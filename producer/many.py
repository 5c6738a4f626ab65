"""Submits jobs in a bounded window and yields each record as its job ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence, Sized

from router.job import JobRecord

from .doors import Door
from .flow import End, Flow, Item
from .progress import TELL_SECONDS, Pace, Tally, Tell, untold
from .pulling import Items, Pull
from .specs import Job, JobFields, make_spec


async def run_many(
    door: Door, jobs: Items[Job], fields: JobFields, *, window: int, retries: int, progress: Tell = untold
) -> AsyncGenerator[JobRecord, None]:
    """Yield the record of each job as it ends; raises what the jobs or `progress` raise, and what a submit does."""
    pull, tally, pace = Pull(jobs), Tally(len(jobs) if isinstance(jobs, Sized) else None), Pace()

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
                    yield _counted(end, tally)
                    if pace.due():
                        progress(tally.progress())
        progress(tally.progress())
    finally:
        await pull.close()


def _counted(end: End[None], tally: Tally) -> JobRecord:
    if end.record is None:
        raise end.error or RuntimeError("a job ended without a record")
    result = end.record.result
    tally.add(succeeded=result is not None, cost_usd=result.cost_usd if result else None)
    return end.record
