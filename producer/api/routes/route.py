"""POST /v1/route: where a job would go now, and why. Submits nothing."""

from __future__ import annotations

from fastapi import APIRouter

from pointsman.router.vocabulary.job import JobSpec
from pointsman.router.vocabulary.views import Explanation

from ..backend import CurrentRequester
from ..middleware.json_route import JsonRoute
from .submit import for_requester

routes = APIRouter(route_class=JsonRoute, tags=["jobs"])


@routes.post("/v1/route", response_model_exclude_none=True)
async def route_job(spec: JobSpec, requester: CurrentRequester) -> Explanation:
    """Say where a job would go if it came now: its class, every candidate with score or reason, the choice."""
    spec = for_requester(spec, requester)
    requester.backend.jobs.check(spec)
    return await requester.backend.models.explain(spec)
