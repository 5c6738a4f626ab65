"""Writes the end of one line as OpenAI's batches do: a line of the output file, or of the error file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pointsman.router.routing.catalog import Catalog
from pointsman.router.store import JobStore
from pointsman.router.vocabulary.batch import BatchRecord, BatchStatus, line_job_id
from pointsman.router.vocabulary.job import JobRecord, JobState

from ..files.lines import Line
from ..vendor_apis.openai import Fault, Refused, fault_of
from ..vendor_apis.openai.batch_line import ENDPOINTS, LineRequest, read_request
from .submit import job_request

EXPIRED = ("batch_expired", "This request could not be executed before the completion window expired.")
CANCELLED = ("batch_cancelled", "This request was cancelled before it was executed.")
GONE = ("result_expired", "The result of this request has expired.")


@dataclass(frozen=True)
class LineResult:
    """One line of an output file; `answered` says of which."""

    answered: bool
    data: dict[str, Any]

    @property
    def expired(self) -> bool:
        """Whether the window closed before the line was done."""
        return bool(self.data["error"]) and self.data["error"]["code"] == EXPIRED[0]


def line_result(batch: BatchRecord, line: Line, job: JobRecord | None, jobs: JobStore) -> LineResult | None:
    """Return how a line ended, None where it has not."""
    request = read_request(line, batch.endpoint)
    if job is None:
        return _without_job(batch, line, request, jobs)
    match job.state:
        case JobState.SUCCEEDED:
            return _answered(batch, line, request, job, jobs.catalog)
        case JobState.FAILED:
            return _replied(batch, line, request, fault_of(job))
        case JobState.EXPIRED:
            return _unsent(batch, line, request, EXPIRED)
        case JobState.CANCELLED:
            return _unsent(batch, line, request, CANCELLED)
        case _:
            return None


def _without_job(batch: BatchRecord, line: Line, request: LineRequest, jobs: JobStore) -> LineResult:
    """Return how a line ended that has no job: it was refused, never submitted, or its record has expired."""
    try:
        job_request(request, batch, jobs)
    except Refused as refused:
        return _replied(batch, line, request, refused.fault)
    cancelled = batch.status in (BatchStatus.CANCELLING, BatchStatus.CANCELLED)
    return _unsent(batch, line, request, CANCELLED if cancelled else GONE)


def _answered(batch: BatchRecord, line: Line, request: LineRequest, job: JobRecord, catalog: Catalog) -> LineResult:
    endpoint = ENDPOINTS[batch.endpoint]
    if job.result is None:
        return _unsent(batch, line, request, GONE)
    try:
        ignored = endpoint.read(request.body, catalog).ignored
    except Refused:  # the configuration has changed since then; the answer is there all the same
        ignored = ()
    reply = {"status_code": 200, "request_id": job.id, "body": endpoint.write(job, request.body, ignored)}
    return LineResult(True, _line(batch, line, request, response=reply))


def _replied(batch: BatchRecord, line: Line, request: LineRequest, fault: Fault) -> LineResult:
    job_id = line_job_id(batch.id, line.number)
    reply = {"status_code": fault.status, "request_id": job_id, "body": fault.body()}
    return LineResult(False, _line(batch, line, request, response=reply))


def _unsent(batch: BatchRecord, line: Line, request: LineRequest, why: tuple[str, str]) -> LineResult:
    return LineResult(False, _line(batch, line, request, error={"code": why[0], "message": why[1]}))


def _line(
    batch: BatchRecord,
    line: Line,
    request: LineRequest,
    *,
    response: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "id": f"batch_req_{line_job_id(batch.id, line.number)}",
        "custom_id": request.custom_id,
        "response": response,
        "error": error,
    }
