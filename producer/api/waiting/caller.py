"""Submits a job for a caller who waits for its answer on the same connection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import Depends, Header, Request
from starlette.responses import JSONResponse

from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.errors import ErrorKind, StoreUnavailable
from pointsman.router.vocabulary.job import JobRecord, JobSpec, JobState

from ...vendor_apis.openai import JobRequest
from ..backend import CurrentRequester, Requester
from ..failures import NoAnswer, OutcomeUnknown, job_headers
from ..routes.submit import IdempotencyKey, with_key
from .until_end import record_at_end

LONGEST_WAIT_SECONDS = 3600.0
REDIS_AWAY_SECONDS = 0.5
"""Between two looks for a Redis that is away while somebody waits."""

NO_ROOM = frozenset({ErrorKind.RATE_LIMITED, ErrorKind.OVERLOADED})

WaitSeconds = Annotated[
    float | None,
    Header(
        alias="x-pointsman-wait-seconds",
        gt=0,
        le=LONGEST_WAIT_SECONDS,
        description="Seconds to wait for the answer; without it POINTSMAN_WAIT_SECONDS.",
    ),
]


class Writer(Protocol):
    """Writes a job that succeeded as the answer of one endpoint; names the parameters that were ignored."""

    def __call__(self, record: JobRecord, *, ignored: Sequence[str]) -> dict[str, Any]:
        """Return the body of the answer."""


@dataclass(frozen=True)
class Caller:
    """Who waits for an answer, for how long, and under which idempotency key."""

    request: Request
    requester: Requester
    key: str | None
    seconds: float

    @property
    def catalog(self) -> Catalog:
        """The models and task classes that a request may name."""
        return self.requester.backend.jobs.catalog

    async def reply(self, job_request: JobRequest, write: Writer) -> JSONResponse:
        """Do what is asked as a job, and return its answer as an endpoint writes it; raises NoAnswer."""
        record = await self._answer(job_request.spec)
        return JSONResponse(write(record, ignored=job_request.ignored), headers=job_headers(record))

    async def _answer(self, spec: JobSpec) -> JobRecord:
        """A caller who hangs up cancels the job, unless its idempotency key lets it join that job again."""
        jobs = self.requester.backend.jobs
        record = await self._end(await jobs.submit(with_key(spec, self.requester, self.key)))
        if record.state is JobState.SUCCEEDED:
            return record
        if not record.done and self.key is None and await self.request.is_disconnected():
            await jobs.cancel(record.id, reason="its caller hung up")
        raise NoAnswer(record, joins=self.key is not None, retry_after=await self.cooling_seconds(record))

    async def _end(self, job_id: str) -> JobRecord:
        """Wait also while Redis is away: the job is accepted, and a caller who tried again would pay twice."""
        clock = asyncio.get_running_loop().time
        until = clock() + self.seconds
        backend = self.requester.backend
        while True:
            try:
                return await record_at_end(self.request, backend, job_id, seconds=max(0.0, until - clock()))
            except StoreUnavailable as error:
                if clock() >= until or backend.stopping.is_set() or await self.request.is_disconnected():
                    raise OutcomeUnknown(job_id, joins=self.key is not None) from error
                await asyncio.sleep(REDIS_AWAY_SECONDS)

    async def cooling_seconds(self, record: JobRecord) -> float | None:
        """Return for how many seconds a model that had no room wants to be left alone."""
        if record.error is None or record.error.kind not in NO_ROOM or record.model is None:
            return None
        return await self.requester.backend.models.cooled_seconds(record.model)


def caller(
    request: Request, requester: CurrentRequester, key: IdempotencyKey = None, wait_seconds: WaitSeconds = None
) -> Caller:
    """Return who waits."""
    return Caller(request, requester, key, wait_seconds or requester.backend.jobs.settings.wait_seconds)


CurrentCaller = Annotated[Caller, Depends(caller)]
