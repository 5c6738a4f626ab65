"""Waits for the end of one job: woken by its channel, and looking again now and then in case that was lost."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from router.job import JobRecord
from router.store import JobStore, Waiter
from router.store.waiter import RECHECK_SECONDS


async def wait_for_end(jobs: JobStore, waiter: Waiter, job_id: str, *, seconds: float) -> JobRecord:
    """Return the job's record once it has ended, or as it is after `seconds`; raises UnknownJob."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    async with waiter.watching([job_id]) as ends:
        while True:
            record = await jobs.get(job_id)
            left = until - clock()
            if record.done or left <= 0:
                return record
            with suppress(TimeoutError):
                await asyncio.wait_for(ends[job_id].wait(), min(left, RECHECK_SECONDS))
