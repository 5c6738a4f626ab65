"""/v1/batches: create, look at, list, cancel and retry batches, and read their results while they run.

https://platform.openai.com/docs/api-reference/batch
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field, field_validator

from pointsman.router.store import NewBatch
from pointsman.router.vocabulary.batch import KEPT_FOR_SECONDS, BatchRecord, BatchStatus, new_batch_id
from pointsman.router.vocabulary.errors import UnknownBatch
from pointsman.router.vocabulary.frozen import Frozen
from pointsman.router.vocabulary.json_schema import NoText
from pointsman.router.vocabulary.webhook import Webhook

from ...batches import results, view
from ...batches.inputs import hold, input_path, release_files
from ...files import FileFolder, StoredFile, UnknownFile
from ...vendor_apis.openai import Refused, window_seconds
from ..backend import CurrentRequester, Requester
from ..middleware.json_route import JsonRoute
from ..openapi.shapes import Batch, BatchList
from .submit import IdempotencyKey

MetadataKey = Annotated[str, Field(max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]

routes = APIRouter(route_class=JsonRoute, prefix="/v1/batches", tags=["batches"])


NOT_NOW: dict[int | str, dict[str, Any]] = {409: {"description": "The batch is not in a status for that."}}


class JsonLines(Response):
    """Lines of JSON."""

    media_type = "application/x-ndjson"


class OutputExpiry(Frozen):
    """For how long the files that a batch writes are kept."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=3600, le=2_592_000), NoText]


class BatchRequest(Frozen):
    """A batch to be done; `completion_window` is any duration such as 30m, 6h or 24h."""

    input_file_id: str
    endpoint: Literal["/v1/chat/completions", "/v1/responses"]
    completion_window: Annotated[str, Field(json_schema_extra={"pattern": r"^(\d+(\.\d+)?[smhd])+$"})]
    metadata: dict[MetadataKey, MetadataValue] | None = Field(default=None, max_length=16)
    output_expires_after: OutputExpiry | None = None
    webhook: Webhook | None = None

    @field_validator("completion_window")
    @classmethod
    def _is_a_duration(cls, value: str) -> str:
        window_seconds(value)
        return value


class BatchesQuery(Frozen):
    """Which batches, the newest first; `after` is the id of the last one of the page before."""

    after: str | None = None
    limit: int = Query(20, ge=1, le=100)


class ResultsQuery(Frozen):
    """Which results: those from place `after` of the order in which lines ended."""

    after: int = Query(0, ge=0, le=10_000_000)
    limit: int = Query(100, ge=1, le=1000)


@routes.post("", response_model=Batch)
async def create_batch(
    batch_request: BatchRequest, requester: CurrentRequester, key: IdempotencyKey = None
) -> dict[str, Any]:
    """Create a batch; what is wrong with its lines is found afterwards, and listed by the batch."""
    given = await _input(batch_request.input_file_id, requester)
    if batch_request.webhook is not None:
        requester.backend.jobs.check_webhook(batch_request.webhook, given.tenant)
    expiry = batch_request.output_expires_after
    new = NewBatch(
        input_file_id=given.id,
        endpoint=batch_request.endpoint,
        completion_window=batch_request.completion_window,
        window_seconds=window_seconds(batch_request.completion_window),
        metadata=batch_request.metadata or {},
        output_seconds=KEPT_FOR_SECONDS if expiry is None else expiry.seconds,
        webhook=batch_request.webhook,
    )
    return await _create(new, requester, given, key=key)


async def _create(
    new: NewBatch,
    requester: Requester,
    given: StoredFile,
    *,
    wanted: StoredFile | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    """Hold the files before anybody can look for them, then write the batch."""
    backend, batch_id = requester.backend, new_batch_id()
    await asyncio.to_thread(hold, backend.files, batch_id, given, wanted)
    created = await backend.batches.create(new, batch_id=batch_id, tenant=given.tenant, idempotency_key=key)
    if created != batch_id:
        await asyncio.to_thread(release_files, backend.files, given.tenant, batch_id)
    return view(await backend.batches.get(created))


async def _input(file_id: str, requester: Requester) -> StoredFile:
    """Return the input file; as with OpenAI, one that is not there is a mistake in the request."""
    try:
        found = await asyncio.to_thread(requester.backend.files.get, file_id, tenant=requester.tenant)
    except UnknownFile as error:
        raise Refused(str(error), param="input_file_id", code="not_found") from error
    if found.purpose != "batch":
        message = f"the file has the purpose '{found.purpose}', and must have 'batch'"
        raise Refused(message, param="input_file_id", code="invalid_purpose")
    return found


@routes.get("", response_model=BatchList)
async def list_batches(query: Annotated[BatchesQuery, Query()], requester: CurrentRequester) -> dict[str, Any]:
    """List batches, the newest first."""
    found = await requester.backend.batches.page(tenant=requester.tenant, after=query.after, limit=query.limit + 1)
    page = [view(batch) for batch in found[: query.limit]]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(found) > query.limit,
    }


@routes.get("/{batch_id}", response_model=Batch)
async def get_batch(batch_id: str, requester: CurrentRequester) -> dict[str, Any]:
    """Return all that is known of a batch; its counts rise while it runs."""
    return view(await _find(batch_id, requester))


@routes.post("/{batch_id}/cancel", response_model=Batch, responses=NOT_NOW)
async def cancel_batch(batch_id: str, requester: CurrentRequester) -> dict[str, Any]:
    """Cancel what has not ended of a batch; finished lines are kept."""
    await _find(batch_id, requester)
    status = await requester.backend.batches.cancel(batch_id)
    if status is not BatchStatus.CANCELLING:
        raise Refused(f"Cannot cancel a batch with status '{status}'.", status=409, code="batch_not_cancellable")
    return view(await requester.backend.batches.get(batch_id))


@routes.post("/{batch_id}/retry", response_model=Batch, responses=NOT_NOW)
async def retry_batch(batch_id: str, requester: CurrentRequester, key: IdempotencyKey = None) -> dict[str, Any]:
    """Create a batch of the lines of an ended one that have no answer; that one stays as it is."""
    old = await _find(batch_id, requester)
    if not old.status.ended or not old.error_file_id:
        message = "Only a batch that has ended, and has an error file, can be retried."
        raise Refused(message, status=409, code="batch_not_retryable")
    given = await _input(old.input_file_id, requester)
    wanted = await asyncio.to_thread(requester.backend.files.get, old.error_file_id, tenant=requester.tenant)
    again = NewBatch(
        retry_of=old.id,
        **old.model_dump(include=set(NewBatch.model_fields) - {"retry_of"}),
    )
    return await _create(again, requester, given, wanted=wanted, key=key)


@routes.get("/{batch_id}/results", response_class=JsonLines)
async def read_results(
    batch_id: str, query: Annotated[ResultsQuery, Query()], requester: CurrentRequester
) -> JsonLines:
    """Return lines of the output as they end, one JSON object a line, while the batch runs.

    The header `x-pointsman-after` says from where to go on. Both answers and errors are among them.
    """
    batch = await _find(batch_id, requester)
    backend = requester.backend
    ends = await backend.batches.ended_lines(batch.id, after=query.after, limit=query.limit)
    path = await asyncio.to_thread(_readable, backend.files, batch)
    lines = await asyncio.to_thread(results, batch, ends, path, backend.jobs)
    after = {"x-pointsman-after": str(query.after + len(ends))}
    return JsonLines(lines, headers=after)


def _readable(files: FileFolder, batch: BatchRecord) -> Any:
    """Return where the input of a batch is, also after it has ended."""
    held = input_path(files, batch)
    return held if held.exists() else files.path(files.get(batch.input_file_id, tenant=batch.tenant))


async def _find(batch_id: str, requester: Requester) -> BatchRecord:
    batch = await requester.backend.batches.get(batch_id)
    if requester.tenant not in (None, batch.tenant):
        raise UnknownBatch(batch_id)
    return batch
