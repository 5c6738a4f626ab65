"""/v1/responses: jobs in the background, in OpenAI's shape.

https://platform.openai.com/docs/api-reference/responses
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from pointsman.router.vocabulary.errors import UnknownJob
from pointsman.router.vocabulary.frozen import Frozen
from pointsman.router.vocabulary.job import JobRecord

from ...vendor_apis.openai import Refused, background_response, input_items, page_of, read_background, to_repeat
from ..backend import CurrentRequester, Requester
from ..failures import job_headers
from ..middleware.json_route import JsonRoute
from ..openapi.document import NO_MODEL
from ..openapi.shapes import RESPONSE_BODY, DeletedResponse, ItemList, Response
from .submit import IdempotencyKey, with_key

ID = re.compile(r"resp_([A-Za-z0-9_-]{8,64})")
IGNORED_VALUES = ("", "false")
NOT_NOW: dict[int | str, dict[str, Any]] = {409: {"description": "It belongs to a batch, or has begun anew."}}


class InputItemsQuery(Frozen):
    """Which items; `after` is the id of the last one of the page before."""

    after: str | None = None
    limit: int = Query(20, ge=1, le=100)
    order: Literal["asc", "desc"] = "desc"


routes = APIRouter(route_class=JsonRoute, prefix="/v1/responses", tags=["OpenAI"])


@routes.post("", response_model=Response, responses=NO_MODEL, openapi_extra=RESPONSE_BODY)
async def create_response(
    body: dict[str, Any], requester: CurrentRequester, key: IdempotencyKey = None
) -> JSONResponse:
    """Submit a job with `background: true`; its Response is queued. docs/http-api.md lists the parameters."""
    backend = requester.backend
    job_request = read_background(body, backend.jobs.catalog)
    spec = with_key(job_request.spec, requester, key)
    # before the job is there: one without an echo could not be shown as it was asked
    await backend.echoes.keep(str(spec.id), to_repeat(body, job_request.ignored), expires_in=spec.expires_in)
    return await _shown(await backend.jobs.get(await backend.jobs.submit(spec)), requester)


@routes.get("/{response_id}", response_model=Response)
async def get_response(response_id: str, requester: CurrentRequester, request: Request) -> JSONResponse:
    """Return a Response as it is now: queued, in_progress, completed, incomplete, failed or cancelled."""
    for name, value in request.query_params.items():
        if value not in IGNORED_VALUES:
            raise Refused(f"Unsupported parameter: '{name}'.", param=name, code="unsupported_parameter")
    return await _shown(await _find(response_id, requester), requester)


@routes.post("/{response_id}/cancel", response_model=Response)
async def cancel_response(response_id: str, requester: CurrentRequester) -> JSONResponse:
    """Cancel a Response wherever its job is; one that has ended stays as it is."""
    record = await _find(response_id, requester)
    await requester.backend.jobs.cancel(record.id)
    return await _shown(await requester.backend.jobs.get(record.id), requester)


@routes.get("/{response_id}/input_items", response_model=ItemList)
async def list_input_items(
    response_id: str, query: Annotated[InputItemsQuery, Query()], requester: CurrentRequester
) -> dict[str, Any]:
    """List what was sent as input, the last item first; it is kept where the request had `store: true`."""
    record = await _find(response_id, requester)
    kept = await requester.backend.echoes.get(record.id)
    if "input" not in kept:
        message = f"The input of response '{response_id}' is not kept: it is where a request says store: true."
        raise Refused(message, status=404, param="id", code="input_not_stored")
    items = input_items(record.id, kept["input"])
    return page_of(items, after=query.after, limit=query.limit, order=query.order)


@routes.delete("/{response_id}", response_model=DeletedResponse, responses=NOT_NOW)
async def delete_response(response_id: str, requester: CurrentRequester) -> dict[str, Any]:
    """Delete a Response with its job and all that is kept of it; one that has not ended is cancelled first."""
    jobs = requester.backend.jobs
    record = await _find(response_id, requester)
    if record.batch is None:
        await jobs.cancel(record.id, reason="its Response was deleted")
    await jobs.forget(record.id)
    return {"id": response_id, "object": "response", "deleted": True}


async def _find(response_id: str, requester: Requester) -> JobRecord:
    unknown = Refused(
        f"Response with id '{response_id[:100]}' not found.", status=404, param="id", code="response_not_found"
    )
    found = ID.fullmatch(response_id)
    if found is None:
        raise unknown
    try:
        return await requester.get(found[1])
    except UnknownJob:
        raise unknown from None


async def _shown(record: JobRecord, requester: Requester) -> JSONResponse:
    kept = await requester.backend.echoes.get(record.id)
    return JSONResponse(background_response(record, kept), headers=job_headers(record))
