"""GET /v1/jobs/{job_id}/events: what happens to a job, as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.sse import EventSourceResponse, ServerSentEvent

from pointsman.router.runtime.cancellation import stop
from pointsman.router.store import JobUpdate, TextChunk
from pointsman.router.vocabulary.errors import StoreUnavailable
from pointsman.router.vocabulary.events import BEGINNING, EVENT_ID, EventId, EventStep, JobEvent, events_of, token
from pointsman.router.vocabulary.job import JobState

from ..backend import Backend, CurrentRequester

REDIS_AWAY_SECONDS = 0.5
"""Between two looks for a Redis that is away while somebody follows a job."""

routes = APIRouter(tags=["jobs"])

LastEventId = Annotated[
    str,
    Header(
        alias="last-event-id",
        description="The id of the last event that you have; only what followed is sent.",
        json_schema_extra={"pattern": f"^({EVENT_ID.pattern})?$"},
    ),
]


async def last_event(job_id: str, requester: CurrentRequester, given: LastEventId = "") -> EventId:
    """Return from where to go on; raises UnknownJob, and 204 where nothing follows: then a browser stops asking."""
    try:
        last = EventId.parse(given) if given else BEGINNING
    except ValueError as error:
        wrong = {"type": "value_error", "loc": ("header", "last-event-id"), "msg": str(error), "input": given}
        raise RequestValidationError([wrong]) from error
    record = await requester.get(job_id)
    if record.done and last >= (record.binding, EventStep.DONE):
        raise HTTPException(204)
    return last


@routes.get(
    "/v1/jobs/{job_id}/events",
    response_class=EventSourceResponse,
    responses={204: {"description": "You have the last event already."}},
)
async def follow_job(
    job_id: str, requester: CurrentRequester, last: Annotated[EventId, Depends(last_event)]
) -> AsyncIterator[ServerSentEvent]:
    """Send what happened to a job and what happens: queued, bound, started, token, retried, and at its end done.

    A job that was submitted with `stream` has tokens while its model speaks. `done` carries the job as
    GET /v1/jobs/{job_id} returns it, with the whole answer. docs/http-api.md lists the data of each event.
    """
    async for event in _events(requester.backend, job_id, last):
        yield ServerSentEvent(raw_data=json.dumps(event.data), event=event.name, id=str(event.id))


async def _events(backend: Backend, job_id: str, last: EventId) -> AsyncIterator[JobEvent]:
    async with backend.follower.following(job_id) as updates:
        while (item := await _next(updates, backend.stopping)) is not None:
            for event in await _events_for(backend, job_id, item, last):
                last = event.id
                yield event
                if event.name == "done":
                    return


async def _next(updates: AsyncIterator[JobUpdate], stopping: asyncio.Event) -> JobUpdate | None:
    """Return what comes next, or None when the server ends."""
    item, end = asyncio.ensure_future(anext(updates)), asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({item, end}, return_when=asyncio.FIRST_COMPLETED)
        return item.result() if item.done() else None
    finally:
        await stop(item, end)


async def _events_for(backend: Backend, job_id: str, item: JobUpdate, last: EventId) -> list[JobEvent]:
    """Return the events after `last` that an item of news stands for: a piece of text where it fits, else all."""
    if isinstance(item, TextChunk):
        piece = token(item.binding, item.offset, item.text)
        if piece.id <= last:
            return []
        if item.offset == _sent_bytes(last, item.binding):
            return [piece]
    while True:
        try:
            return await _missed_events(backend, job_id, last)
        except StoreUnavailable:
            await asyncio.sleep(REDIS_AWAY_SECONDS)


def _sent_bytes(last: EventId, binding: int) -> int | None:
    """Return the bytes of this binding's text that went before, None where even its start was not sent."""
    if last.binding != binding or last.step not in (EventStep.STARTED, EventStep.TOKEN):
        return None
    return last.offset


async def _missed_events(backend: Backend, job_id: str, last: EventId) -> list[JobEvent]:
    record = await backend.jobs.get(job_id)
    events = [event for event in events_of(record) if event.id > last]
    so_far = await backend.jobs.text_so_far(job_id) if record.state is JobState.RUNNING else None
    sent = _sent_bytes(events[-1].id if events else last, so_far.binding) if so_far else None
    if so_far and sent is not None:
        text = so_far.text.encode()[sent:].decode(errors="ignore")
        events += [token(so_far.binding, sent, text)] if text else []
    return events
