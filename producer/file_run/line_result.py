"""How the end of a line is written: a line of the output, or one of the failures that can be run again."""

from __future__ import annotations

from typing import Any

from pointsman.router.vocabulary.errors import Conflict, InvalidJob, PointsmanError, UnknownJob
from pointsman.router.vocabulary.job import JobRecord

from ..errors import ApiError
from ..files.lines import Line
from ..vendor_apis.openai.batch_line import ENDPOINTS, BadLine, object_of
from .journal_format import Ended
from .line_job import ERROR, LineJob

TEXT_SHOWN = 200
LEFT_OUT = {"history", "decision"}
"""What a record has that is of interest for one job, and would make half of the output of thousands."""
GONE = "the job is known no more: its record has expired, or Redis has lost it"
EXPIRED = "the job succeeded, but its result has expired"


def succeeded(line: Line, job: LineJob, record: JobRecord) -> Ended:
    """Return the end of a line that has an answer: OpenAI's shape for OpenAI's lines, ours for others."""
    if record.result is None:
        raise ValueError("a line without a result has not succeeded")
    if job.endpoint:
        body = ENDPOINTS[job.endpoint].write(record, job.body, job.ignored)
        response = {"status_code": 200, "request_id": record.id, "body": body}
        data = {"id": f"batch_req_{record.id}", "custom_id": job.custom_id, "response": response, "error": None}
    else:
        data = dict[str, Any](line=line.number, custom_id=job.custom_id)
        data |= record.model_dump(mode="json", exclude_none=True, exclude=LEFT_OUT)
        if job.custom_id is None:
            del data["custom_id"]
    return Ended(line.number, True, data, record.result.model, record.result.cost_usd)


def failed(line: Line, record: JobRecord | None, error: PointsmanError | None) -> Ended:
    """Return the end of a line without an answer: what was asked, and why there is none."""
    why = _of_job(record) if record is not None else {"kind": _kind(error), "message": str(error)}
    if isinstance(error, UnknownJob):
        why = {"kind": "unknown_job", "message": GONE, "job_id": error.job_id}
    return Ended(line.number, False, {**_source_object(line), ERROR: {"line": line.number, **why}})


def _of_job(record: JobRecord) -> dict[str, Any]:
    if record.error is None:
        return {"kind": "result_expired", "message": EXPIRED, "job_id": record.id}
    return {"kind": record.error.kind, "message": record.error.message, "job_id": record.id}


def _kind(error: PointsmanError | None) -> str:
    match error:
        case BadLine():
            return error.code
        case InvalidJob():
            return "invalid_job"
        case Conflict():
            return "conflict"
        case ApiError():
            return error.kind or f"status_{error.status}"
        case _:
            return "error"


def _source_object(line: Line) -> dict[str, Any]:
    """Return the line's own object, or the beginning of a line that is none."""
    try:
        return {name: value for name, value in object_of(line).items() if name != ERROR}
    except BadLine:
        text = (line.text or b"")[:TEXT_SHOWN].decode(errors="replace")
        return {"text": text} if text else {}
