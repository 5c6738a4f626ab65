"""GET /v1/dead, POST /v1/dead/retry and /v1/jobs/{id}/retry: look at dead letters, and let them begin anew."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from pointsman.router.vocabulary.frozen import Frozen
from pointsman.router.vocabulary.job import JobRecord, JobState
from pointsman.router.vocabulary.json_schema import NoText
from pointsman.router.vocabulary.views import LATEST, DeadFilter

from ..backend import CurrentRequester, Requester
from ..middleware.json_route import JsonRoute

LIMIT = 1000

routes = APIRouter(route_class=JsonRoute, tags=["dead letters"])


class DeadQuery(DeadFilter):
    """Which dead letters, and how many at a time; `cursor` of the answer is the `until` of the next."""

    limit: int = Field(default=100, ge=1, le=LIMIT)


class RetryQuery(DeadQuery):
    """The same in a JSON body, where a number is no text."""

    since: Annotated[float, Field(ge=0, le=LATEST), NoText] | None = None
    until: Annotated[float, Field(ge=0, le=LATEST), NoText] | None = None
    limit: Annotated[int, Field(ge=1, le=LIMIT), NoText] = 100


class DeadJobs(Frozen):
    """Dead letters, the last to end first; `cursor` is the `until` that the next page begins with."""

    jobs: list[JobRecord]
    cursor: float | None = None


class Retried(Frozen):
    """The jobs that begin anew; with a `cursor` there may be more, to be asked for with it as `until`."""

    ids: list[str]
    cursor: float | None = None


class RetriedJob(Frozen):
    """The state a job is in now: pending, or what it was where it is no dead letter."""

    id: str
    state: JobState


@routes.get("/v1/dead", response_model=DeadJobs)
async def list_dead(query: Annotated[DeadQuery, Query()], requester: CurrentRequester) -> Response:
    """List jobs that failed or expired, by kind and by when they ended.

    `model`, `task_class` and `tenant` pick from each page, so that a page may hold fewer than `limit`, even none,
    while there is a cursor to go on with.
    """
    page = await requester.backend.dead.page(_own(query, requester), limit=query.limit)
    found = DeadJobs(jobs=page.jobs, cursor=page.cursor)
    return Response(found.model_dump_json(exclude_none=True), media_type="application/json")


@routes.post("/v1/dead/retry", response_model_exclude_none=True)
async def retry_dead(query: RetryQuery, requester: CurrentRequester) -> Retried:
    """Let a page of dead letters begin anew, with attempts and deadline as if just submitted."""
    page = await requester.backend.dead.retry_page(_own(query, requester), limit=query.limit)
    return Retried(ids=page.ids, cursor=page.cursor)


@routes.post("/v1/jobs/{job_id}/retry")
async def retry_job(job_id: str, requester: CurrentRequester) -> RetriedJob:
    """Let one dead letter begin anew; any other job stays as it is."""
    await requester.get(job_id)
    return RetriedJob(id=job_id, state=await requester.backend.dead.retry(job_id))


def _own(query: DeadQuery, requester: Requester) -> DeadFilter:
    """Return what was asked for, of the asker's own tenant alone."""
    return query if requester.tenant is None else query.model_copy(update={"tenant": requester.tenant})
