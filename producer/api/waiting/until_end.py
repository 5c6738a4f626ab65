"""Waits for a job's end on behalf of a caller, until the caller or the server goes away."""

from __future__ import annotations

import asyncio

from fastapi import Request

from pointsman.router.runtime.cancellation import stop
from pointsman.router.store import RECHECK_SECONDS
from pointsman.router.vocabulary.job import JobRecord

from ..backend import Backend


async def record_at_end(request: Request, backend: Backend, job_id: str, *, seconds: float) -> JobRecord:
    """Return the record once the job has ended, or as it is when the time, the caller or the server is gone."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    async with backend.waiter.watching([job_id]) as end_events:
        end = asyncio.create_task(end_events[job_id].wait())
        gone = {asyncio.create_task(disconnected(request)), asyncio.create_task(backend.stopping.wait())}
        try:
            while True:
                record = await backend.jobs.get(job_id)
                left = until - clock()
                if record.done or left <= 0 or any(task.done() for task in gone):
                    return record
                # now and then it looks again, in case the message of the end was lost
                if end.done():  # the end was published, but the job has begun anew meanwhile
                    end_events[job_id].clear()
                    end = asyncio.create_task(end_events[job_id].wait())
                some_time = min(left, RECHECK_SECONDS)
                await asyncio.wait({end, *gone}, timeout=some_time, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await stop(end, *gone)


async def disconnected(request: Request) -> None:
    """Return once the caller has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
