"""GET and DELETE of /v1/jobs: look at jobs, wait for their ends, cancel them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from pointsman.router.vocabulary.frozen import Frozen
from pointsman.router.vocabulary.job import JobRecord, JobState

from ..backend import CurrentRequester
from ..waiting.until_end import record_at_end

WAIT_AT_MOST_SECONDS = 60.0

routes = APIRouter(tags=["jobs"])

Wait = Annotated[float, Query(ge=0, description="Seconds to wait for the job's end, 60 at most.")]


class JobPage(Frozen):
    """One page of jobs, newest first; `cursor` asks for the next page and is absent on the last."""

    jobs: list[JobRecord]
    cursor: int | None = None


class Filters(Frozen):
    """What to list. `task_class`, `model` and `tenant` pick from each page of jobs in that state.

    So a page may hold fewer jobs than `limit`, even none, while there is a cursor to go on with.
    """

    state: JobState
    limit: int = Query(50, ge=1, le=500)
    cursor: int | None = Query(None, ge=0, le=2**53)
    task_class: str | None = None
    model: str | None = None
    tenant: str | None = None

    def pick(self, record: JobRecord) -> bool:
        """Whether the record is one of those asked for."""
        wanted = {"task_class": self.task_class, "model": self.model, "tenant": self.tenant}
        return all(value is None or getattr(record, name) == value for name, value in wanted.items())


class Cancelled(Frozen):
    """The state a job is in after it was asked to be cancelled: one that had ended stays as it was."""

    id: str
    state: JobState


@routes.get("/v1/jobs/{job_id}", response_model=JobRecord)
async def get_job(job_id: str, requester: CurrentRequester, request: Request, wait: Wait = 0.0) -> Response:
    """Return all that is known of a job.

    With `wait` the reply comes when the job has ended, or after so many seconds with the job as it is then.
    """
    record = await requester.get(job_id)
    if wait > 0 and not record.done:
        record = await record_at_end(request, requester.backend, job_id, seconds=min(wait, WAIT_AT_MOST_SECONDS))
    return _json(record)


@routes.get("/v1/jobs", response_model=JobPage)
async def list_jobs(filters: Annotated[Filters, Query()], requester: CurrentRequester) -> Response:
    """List the jobs in one state, newest first.

    `task_class`, `model` and `tenant` pick from each page: a page may hold fewer jobs than `limit`, even none,
    while there is a cursor to go on with.
    """
    page = await requester.backend.jobs.list(filters.state, limit=filters.limit, cursor=filters.cursor)
    picked = [record for record in page.jobs if requester.may_see(record) and filters.pick(record)]
    return _json(JobPage(jobs=picked, cursor=page.cursor))


@routes.delete("/v1/jobs/{job_id}")
async def cancel_job(job_id: str, requester: CurrentRequester) -> Cancelled:
    """Cancel a job wherever it is; a running call is stopped."""
    await requester.get(job_id)
    return Cancelled(id=job_id, state=await requester.backend.jobs.cancel(job_id))


def _json(value: Frozen) -> Response:
    return Response(value.model_dump_json(exclude_none=True), media_type="application/json")
