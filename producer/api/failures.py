"""Turns every error into a reply: in our own shape, or in that of the vendor whose endpoint it is."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from pointsman.router.vocabulary.chat import ChatRequest
from pointsman.router.vocabulary.errors import (
    Conflict,
    ErrorKind,
    InvalidJob,
    PointsmanError,
    StoreUnavailable,
    UnknownBatch,
    UnknownDelivery,
    UnknownJob,
)
from pointsman.router.vocabulary.job import JobRecord
from pointsman.router.vocabulary.mistakes import in_words, names_at

from ..files import UnknownFile
from ..vendor_apis.anthropic import error_reply
from ..vendor_apis.faults import fault_like, still_going
from ..vendor_apis.openai import Fault, Refused, fault_of
from .middleware.request_id import ANTHROPICS, HEADER

JOB_ID = "x-pointsman-job-id"


def job_headers(record: JobRecord) -> dict[str, str]:
    """Return the job's id, and its model, class and wait as far as there are any."""
    waited = record.queue_seconds
    headers = {
        JOB_ID: record.id,
        "x-pointsman-model": record.model,
        "x-pointsman-class": record.task_class,
        "x-pointsman-queue-seconds": None if waited is None else f"{waited:.3f}",
    }
    return {name: value for name, value in headers.items() if value is not None}


class NoAnswer(PointsmanError):
    """Raised when a wait for an answer is over without one; carries the job as it is then.

    `joins` says that the same request again would be this very job, and `retry_after` is how many seconds a
    model that had no room wants to be left alone.
    """

    def __init__(self, record: JobRecord, *, joins: bool, retry_after: float | None = None) -> None:
        self.record, self.joins, self.retry_after = record, joins, retry_after
        super().__init__(f"job {record.id} has no answer: {record.state}")


class OutcomeUnknown(StoreUnavailable):
    """Raised when Redis is away at the end of a wait; the job was accepted, and goes on. `joins` as of NoAnswer."""

    def __init__(self, job_id: str, *, joins: bool) -> None:
        self.job_id, self.joins = job_id, joins
        super().__init__(f"what became of job {job_id} cannot be seen")


log = logging.getLogger("pointsman.api")

RETRY_AFTER_SECONDS = 2
LONGEST_RETRY_AFTER_SECONDS = 120
"""The vendors' clients do not try again at all where a reply asks for a longer wait."""
MISTAKES_AT_MOST = 10
AWAY = "Redis is away or refuses writes now; nothing that was accepted is lost"

OPENAI_PATHS = ("/v1/files", "/v1/batches", "/v1/chat/", "/v1/responses", "/v1/models/")
"""Where errors have OpenAI's shape."""
ANTHROPIC_PATHS = ("/v1/messages",)
"""Where errors have Anthropic's shape."""

RETRY_HELPS = frozenset(
    {
        ErrorKind.OVERLOADED,
        ErrorKind.SERVER_ERROR,
        ErrorKind.TIMEOUT,
        ErrorKind.CONNECTION,
        ErrorKind.BAD_RESPONSE,
    }
)
"""Why a job that was given up before its last attempt may succeed as another one.

`rate_limited` and `worker_lost` are not among them: they end a job only when their own limits of tries are used up.
"""


def _another_job_helps(record: JobRecord) -> bool:
    """Whether the same request, as another job, may do better: not where this one has made all its attempts."""
    kind = record.error.kind if record.error else None
    return kind in RETRY_HELPS and record.attempts < record.max_attempts


KINDS: Mapping[int, str] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
}


def refusal(scope: Scope, status: int, kind: str, message: str, **more: str) -> JSONResponse:
    """Return the reply for an error; `more` may hold the field, or the job's id."""
    if scope["path"].startswith((*OPENAI_PATHS, *ANTHROPIC_PATHS)):
        return vendors(scope, fault_like(status, kind, message, more.get("field")))
    request_id = scope["state"]["request_id"]
    return _reply(scope, status, {"error": {"kind": kind, "message": message, **more, "request_id": request_id}})


def vendors(scope: Scope, fault: Fault) -> JSONResponse:
    """Return the reply for an error at an endpoint of a vendor's, in that vendor's shape."""
    if scope["path"].startswith(ANTHROPIC_PATHS):
        return _reply(scope, *error_reply(fault, scope["state"]["request_id"]))
    return _reply(scope, fault.status, fault.body())


def _reply(scope: Scope, status: int, body: Mapping[str, Any]) -> JSONResponse:
    # the middleware sets the headers too, but a reply to an unexpected error does not pass through it
    reply = JSONResponse(body, status, headers=dict.fromkeys((HEADER, ANTHROPICS), scope["state"]["request_id"]))
    if status == 409:  # the vendors' clients try a conflict again, and it will not go away
        _should_retry(reply, helps=False)
    return reply


def _should_retry(reply: Response, *, helps: bool) -> None:
    reply.headers["x-should-retry"] = str(helps).lower()


def _retry_after(reply: Response, seconds: float) -> None:
    seconds = min(LONGEST_RETRY_AFTER_SECONDS, max(1.0, seconds))
    reply.headers.update({"retry-after": str(ceil(seconds)), "retry-after-ms": str(ceil(seconds * 1000))})


def fault_in(error: PointsmanError) -> Fault:
    """Return what an error is called by the vendors, where a stream has begun and there is no status any more."""
    match error:
        case Refused():
            return error.fault
        case NoAnswer():
            return fault_of(error.record) if error.record.done else still_going(error.record)
        case UnknownJob():
            return fault_like(404, "unknown_job", str(error), None)
        case StoreUnavailable():
            return fault_like(503, "store_unavailable", AWAY, None)
        case _:
            return fault_like(500, "internal", str(error), None)


def answer_errors(app: FastAPI) -> None:
    """Let the app answer each error it can raise."""
    app.add_exception_handler(UnknownJob, _unknown_job)
    app.add_exception_handler(UnknownBatch, _unknown_batch)
    app.add_exception_handler(UnknownFile, _unknown_file)
    app.add_exception_handler(UnknownDelivery, _unknown_delivery)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(NoAnswer, _no_answer)
    app.add_exception_handler(OutcomeUnknown, _outcome_unknown)
    app.add_exception_handler(InvalidJob, _invalid_job)
    app.add_exception_handler(Conflict, _conflict)
    app.add_exception_handler(StoreUnavailable, _store_unavailable)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _unknown_job(request: Request, error: Any) -> Response:
    return refusal(request.scope, 404, "unknown_job", str(error), job_id=error.job_id)


async def _unknown_batch(request: Request, error: Any) -> Response:
    return refusal(request.scope, 404, "unknown_batch", str(error), field="batch_id")


async def _unknown_file(request: Request, error: Any) -> Response:
    return refusal(request.scope, 404, "unknown_file", str(error), field="id")


async def _unknown_delivery(request: Request, error: Any) -> Response:
    return refusal(request.scope, 404, "unknown_delivery", str(error), delivery_id=error.delivery_id)


async def _refused(request: Request, error: Any) -> Response:
    reply = vendors(request.scope, error.fault)
    _should_retry(reply, helps=False)  # what cannot be done, or not be known, will be the same the next time
    return reply


async def _no_answer(request: Request, error: Any) -> Response:
    """Tell why a job has no answer, and whether to ask again: what is paid for already is not paid for twice."""
    record = error.record
    reply = vendors(request.scope, fault_in(error))
    if not record.done:
        _should_retry(reply, helps=error.joins)
    else:
        _should_retry(reply, helps=_another_job_helps(record) and not error.joins)
        if error.retry_after is not None and not error.joins:
            _retry_after(reply, error.retry_after)
    reply.headers.update(job_headers(record))
    return reply


async def _outcome_unknown(request: Request, error: Any) -> Response:
    reply = await _store_unavailable(request, error)
    _should_retry(reply, helps=error.joins)
    reply.headers[JOB_ID] = error.job_id
    return reply


async def _invalid_job(request: Request, error: Any) -> Response:
    return refusal(request.scope, 422, "invalid_job", str(error), field=error.field)


async def _conflict(request: Request, error: Any) -> Response:
    return refusal(request.scope, 409, "conflict", str(error), job_id=error.job_id)


async def _store_unavailable(request: Request, error: Any) -> Response:
    log.warning("%s %s: %s", request.method, request.url.path, error)
    reply = refusal(request.scope, 503, "store_unavailable", AWAY)
    _retry_after(reply, RETRY_AFTER_SECONDS)
    return reply


async def _invalid_request(request: Request, error: Any) -> Response:
    mistakes: Sequence[Mapping[str, Any]] = error.errors()[:MISTAKES_AT_MOST]
    body = getattr(getattr(request.scope.get("route"), "body_field", None), "field_info", None)
    kind_of_body = getattr(body, "annotation", None)
    message = "; ".join(f"{_field(mistake)}: {_words(mistake, kind_of_body)}" for mistake in mistakes)
    kind = "invalid_job" if mistakes[0]["loc"][0] == "body" else "invalid_parameter"
    return refusal(request.scope, 422, kind, message, field=_field(mistakes[0]))


def _field(mistake: Mapping[str, Any]) -> str:
    """Return the field's path as the caller wrote it, without the part of the request it stands in."""
    where, *path = mistake["loc"]
    inside = path and mistake["type"] != "json_invalid"  # there the path is an offset
    return ".".join(map(str, path)) if inside else str(where)


def _words(mistake: Mapping[str, Any], kind_of_body: Any) -> str:
    if mistake["loc"] == ("body",) and mistake["type"] in ("model_attributes_type", "dict_type"):
        return "send a JSON object, with the header 'content-type: application/json'"
    if mistake["type"] == "json_invalid":
        return f"no JSON: {mistake['ctx']['error']}"
    path = mistake["loc"][1:]
    known = names_at(kind_of_body, path) if path and issubclass(kind_of_body or object, BaseModel) else set()
    if mistake["type"] == "extra_forbidden" and "request" in known and path[-1] in ChatRequest.model_fields:
        return f'it belongs inside of request: {{"request": {{"messages": [...], "{path[-1]}": ...}}}}'
    return in_words(mistake, known)


async def _http(request: Request, error: Any) -> Response:
    if error.status_code == 204:  # no error: nothing is left to say
        return Response(status_code=204)
    kind = KINDS.get(error.status_code, "http_error")
    reply = refusal(request.scope, error.status_code, kind, str(error.detail))
    reply.headers.update(error.headers or {})
    if error.status_code == 405:
        reply.headers["allow"] = _allowed(request) or reply.headers["allow"]
    return reply


def _allowed(request: Request) -> str:
    """Return all methods of a path; the framework tells those of the first route alone."""
    path = getattr(request.scope.get("route"), "path", "")
    return ", ".join(sorted(map(str.upper, request.app.openapi()["paths"].get(path, ()))))


async def _unexpected(request: Request, error: Any) -> Response:
    request_id = request.scope["state"]["request_id"]
    log.error("%s %s failed (request %s)", request.method, request.url.path, request_id, exc_info=error)
    return refusal(
        request.scope, 500, "internal", "an unexpected error; the server's log has it by this request id"
    )
