"""POST /v1/responses with background: true: a job that is looked at until it has ended.

https://platform.openai.com/docs/guides/background
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.job import JobRecord, JobState, new_job_id

from ..faults import Refused, fault_of
from ..request import JobRequest
from .responses import ECHOED, echo, read_response, response
from .windows import window_seconds

if TYPE_CHECKING:  # what reads models.yaml is not there where only the client is installed
    from pointsman.router.routing.catalog import Catalog

SOONEST = "soonest"
"""The completion_window of one who names no deadline."""

STATUSES: Mapping[JobState, str] = {
    JobState.PENDING: "queued",
    JobState.BOUND: "queued",
    JobState.RUNNING: "in_progress",
    JobState.FAILED: "failed",
    JobState.EXPIRED: "failed",
    JobState.CANCELLED: "cancelled",
}
"""What the states of a job without an answer are called over there."""

OWN = frozenset({"background", "background_options", "store"})
"""Parameters that mean something in the background only."""

CODES: Mapping[ErrorKind, str] = {
    ErrorKind.RATE_LIMITED: "rate_limit_exceeded",
    ErrorKind.INVALID_REQUEST: "invalid_prompt",
    ErrorKind.CONTEXT_TOO_LONG: "invalid_prompt",
}
"""The codes that the error of a Response can have; all else is a server_error there."""


def read_background(body: Mapping[str, Any], catalog: Catalog) -> JobRequest:
    """Return the job that a body asks for, with an id; raises Refused, also where it is not for the background."""
    if body.get("background") is not True:
        raise Refused(
            "Responses are made in the background: send background: true, then look at GET /v1/responses/{id}. "
            "To wait for an answer use POST /v1/chat/completions.",
            param="background", code="background_required",
        )  # fmt: skip
    seconds = _deadline_seconds(body.get("background_options") or {})
    if body.get("store") not in (None, True, False):
        raise Refused("'store' must be true or false.", param="store", code="invalid_type")
    job_request = read_response({name: body[name] for name in body.keys() - OWN}, catalog)
    return JobRequest(
        job_request.spec.model_copy(update={"id": new_job_id(), "expires_in": seconds}), job_request.ignored
    )


def _deadline_seconds(options: Any) -> float | None:
    path = "background_options"
    if not isinstance(options, Mapping):
        raise Refused(f"'{path}' must be an object.", param=path, code="invalid_type")
    for name in options:
        if name != "completion_window" and options[name] is not None:
            param = f"{path}.{name}"
            raise Refused(f"Unsupported parameter: '{param}'.", param=param, code="unsupported_parameter")
    window = options.get("completion_window")
    if window in (None, SOONEST):
        return None
    try:
        return window_seconds(str(window))
    except ValueError as error:
        raise Refused(str(error), param=f"{path}.completion_window", code="invalid_value") from error


def to_repeat(body: Mapping[str, Any], ignored: Sequence[str]) -> dict[str, Any]:
    """Return what is kept of a request: what Responses repeat of it, what was ignored, the input if asked to."""
    echoed = {name: body[name] for name in ECHOED if name in body}
    stored = {"input": body["input"]} if body.get("store") else {}
    return {"body": echoed, "ignored": list(ignored), **stored}


def background_response(record: JobRecord, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Response of a job in whatever state; `kept` is what `to_repeat` said. Raises Refused."""
    body, ignored = kept.get("body", {}), kept.get("ignored", ())
    if record.state is JobState.SUCCEEDED:
        return {**response(record, body, ignored=ignored), "background": True}
    filtered = record.error is not None and record.error.kind is ErrorKind.CONTENT_FILTERED
    return {
        "id": f"resp_{record.id}",
        "object": "response",
        "created_at": record.submitted,
        "status": "incomplete" if filtered else STATUSES[record.state],
        "incomplete_details": {"reason": "content_filter"} if filtered else None,
        "error": None if filtered else _error(record),
        "model": record.model or str(body.get("model")),
        "output": [],
        "usage": None,
        **echo(body),
        "background": True,
        "pointsman": {
            "job_id": record.id,
            "state": record.state,
            "task_class": record.task_class,
            "attempts": record.attempts,
            "ignored": list(ignored),
        },
    }


def _error(record: JobRecord) -> dict[str, str] | None:
    if STATUSES[record.state] != "failed":
        return None
    kind = record.error.kind if record.error else ErrorKind.EXPIRED
    return {"code": CODES.get(kind, "server_error"), "message": fault_of(record).message}
