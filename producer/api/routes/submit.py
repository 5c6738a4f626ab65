"""POST /v1/jobs and /v1/jobs/batch: accept jobs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from pydantic import Field

from pointsman.router.vocabulary.errors import InvalidJob
from pointsman.router.vocabulary.frozen import Frozen
from pointsman.router.vocabulary.job import JobSpec, JobState

from ..backend import CurrentRequester, Requester
from ..middleware.json_route import JsonRoute

BATCH_AT_MOST = 1000
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"description": "Another request came under the same idempotency key or id."}
}

routes = APIRouter(route_class=JsonRoute, tags=["jobs"])

IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


class Accepted(Frozen):
    """An accepted job. The state is another than pending where the same request had been accepted before."""

    id: str
    state: JobState
    tenant: str
    submitted: float
    expires: float


class JobsRequest(Frozen):
    """Many jobs at once."""

    jobs: tuple[JobSpec, ...] = Field(min_length=1, max_length=BATCH_AT_MOST)


class AcceptedJobs(Frozen):
    """The ids of the accepted jobs, in the order they came."""

    ids: list[str]


@routes.post("/v1/jobs", status_code=202)
async def submit_job(
    spec: JobSpec, requester: CurrentRequester, response: Response, key: IdempotencyKey = None
) -> Accepted:
    """Accept a job.

    The same request again under the same id or idempotency key is answered with the first job; another request
    under it with 409. The key may stand in the body or in the header.
    """
    job_id = await requester.backend.jobs.submit(with_key(spec, requester, key))
    record = await requester.backend.jobs.get(job_id)
    response.headers["location"] = f"/v1/jobs/{job_id}"
    return Accepted.model_validate(record.model_dump(include=set(Accepted.model_fields)))


@routes.post("/v1/jobs/batch", status_code=202, responses=CONFLICT)
async def submit_batch(batch: JobsRequest, requester: CurrentRequester) -> AcceptedJobs:
    """Accept up to 1000 jobs in one round trip.

    None is accepted where one names an unknown class or model. A conflict is answered with 409 and concerns that
    one job alone: the others are accepted.
    """
    jobs = requester.backend.jobs
    specs = [for_requester(spec, requester) for spec in batch.jobs]
    for at, spec in enumerate(specs):
        try:
            jobs.check(spec)
        except InvalidJob as error:
            raise InvalidJob(str(error), field=f"jobs.{at}.{error.field}") from error
    return AcceptedJobs(ids=await jobs.submit_many(specs))


def with_key(spec: JobSpec, requester: Requester, key: str | None) -> JobSpec:
    """Return the job as one of the asker's tenant, under the key of the header unless it has one of its own."""
    if key is not None and spec.idempotency_key is None:
        spec = spec.model_copy(update={"idempotency_key": key})
    return for_requester(spec, requester)


def for_requester(spec: JobSpec, requester: Requester) -> JobSpec:
    """Return the job as one of the asker's tenant: a key that is bound to a tenant submits for no other."""
    forced: dict[str, Any] = {} if requester.tenant is None else {"tenant": requester.tenant}
    return spec.model_copy(update=forced)
