"""POST /v1/jobs/finished: tell of many jobs as they end, on one connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from fastapi import APIRouter
from pydantic import Field
from pydantic_core import to_json
from starlette.responses import StreamingResponse

from pointsman.router.runtime.cancellation import stop
from pointsman.router.store import finished
from pointsman.router.vocabulary.errors import StoreUnavailable, UnknownJob
from pointsman.router.vocabulary.frozen import Frozen
from pointsman.router.vocabulary.job import JobId, JobRecord

from ..backend import CurrentRequester, Requester

JOBS_AT_MOST = 5000
QUIET_SECONDS = 15.0
"""After so long without an end an empty line shows that somebody is still there."""
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""What keeps a proxy from holding lines back."""

routes = APIRouter(tags=["jobs"])


class FinishedQuery(Frozen):
    """Which jobs to tell of."""

    ids: tuple[JobId, ...] = Field(min_length=1, max_length=JOBS_AT_MOST)


class JsonLinesStream(StreamingResponse):
    """A stream of JSON Lines."""

    media_type = "application/x-ndjson"


@routes.post(
    "/v1/jobs/finished",
    response_class=JsonLinesStream,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
async def stream_finished(query: FinishedQuery, requester: CurrentRequester) -> JsonLinesStream:
    """Tell of jobs as they end: a line of JSON for each, its record as of `GET /v1/jobs/{id}`.

    An empty line says that nothing ended for a while. A line with `error` is the last one: an unknown job, or a
    store that is away. The stream ends when all have ended, or early when the server does: ask for the rest again.
    """
    return JsonLinesStream(_lines(query.ids, requester), headers=HEADERS)


async def _lines(job_ids: Sequence[str], requester: Requester) -> AsyncIterator[bytes]:
    try:
        async with aclosing(_ended_records(job_ids, requester)) as records:
            async for record in records:
                yield b"\n" if record is None else record.model_dump_json(exclude_none=True).encode() + b"\n"
    except UnknownJob as error:
        yield _error("unknown_job", error, job_id=error.job_id)
    except StoreUnavailable as error:
        yield _error("store_unavailable", error)


def _error(kind: str, error: Exception, **more: str) -> bytes:
    return to_json({"error": {"kind": kind, "message": str(error), **more}}) + b"\n"


async def _ended_records(job_ids: Sequence[str], requester: Requester) -> AsyncGenerator[JobRecord | None, None]:
    """Yield records as jobs end, None when it is quiet for a while; ends when the server does."""
    backend = requester.backend

    async def ended(some: Sequence[str]) -> Sequence[JobRecord]:
        return await backend.jobs.ended(some, tenant=requester.tenant)

    ending = asyncio.create_task(backend.stopping.wait())
    async with aclosing(finished(job_ids, backend.waiter, ended)) as records:
        step = asyncio.create_task(_next(records))
        try:
            while not ending.done():
                await asyncio.wait({step, ending}, timeout=QUIET_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if not step.done():
                    yield None
                    continue
                if (record := step.result()) is None:
                    return
                step = asyncio.create_task(_next(records))
                yield record
        finally:
            await stop(step, ending)


async def _next(records: AsyncGenerator[JobRecord, None]) -> JobRecord | None:
    return await anext(records, None)
