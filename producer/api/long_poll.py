"""Waits for a job's end on behalf of a caller, until the caller or the server goes away."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from fastapi import Request

from router.job import JobRecord
from router.store.waiter import RECHECK_SECONDS

from .backend import Backend


async def record_at_end(request: Request, backend: Backend, record: JobRecord, *, seconds: float) -> JobRecord:
    """Return the record once the job has ended; `record` where the caller or the server goes away before."""
    end = asyncio.create_task(_wait_for_end(backend, record.id, seconds))
    others = [asyncio.create_task(_hung_up(request)), asyncio.create_task(_stopped(backend))]
    try:
        await asyncio.wait([end, *others], return_when=asyncio.FIRST_COMPLETED)
        return end.result() if end.done() else record
    finally:
        for task in (end, *others):
            task.cancel()
        await asyncio.gather(end, *others, return_exceptions=True)


async def _wait_for_end(backend: Backend, job_id: str, seconds: float) -> JobRecord:
    """Woken by the job's channel, and looking again now and then in case that was lost."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    async with backend.waiter.watching([job_id]) as ends:
        while True:
            record = await backend.jobs.get(job_id)
            left = until - clock()
            if record.done or left <= 0:
                return record
            with suppress(TimeoutError):
                await asyncio.wait_for(ends[job_id].wait(), min(left, RECHECK_SECONDS))


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _stopped(backend: Backend) -> None:
    await backend.stopping.wait()
