"""Turns every error into the one shape of an error reply."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from producer.files import UnknownFile
from producer.openai import Refused
from producer.openai.errors import fault_like
from router.errors import Conflict, InvalidJob, StoreUnavailable, UnknownBatch, UnknownJob

log = logging.getLogger("pointsman.api")

RETRY_AFTER_SECONDS = 2
MISTAKES_AT_MOST = 10

OPENAI_DOORS = ("/v1/files", "/v1/batches")
"""Where errors have OpenAI's shape."""

KINDS: Mapping[int, str] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
}


def refusal(scope: Scope, status: int, kind: str, message: str, **more: str) -> JSONResponse:
    """Return the reply for an error; `more` may hold the field, or the job's id."""
    request_id = scope["state"]["request_id"]
    if scope["path"].startswith(OPENAI_DOORS):
        fault = fault_like(status, kind, message, more.get("field"))
        status, body = fault.status, fault.body()
    else:
        body = {"error": {"kind": kind, "message": message, **more, "request_id": request_id}}
    # the middleware sets the header too, but a reply to an unexpected error does not pass through it
    return JSONResponse(body, status, headers={"x-request-id": request_id, **_no_retry(status)})


def _no_retry(status: int) -> dict[str, str]:
    """Tell the vendors' clients, which try a conflict again, that it will not go away."""
    return {"x-should-retry": "false"} if status == 409 else {}


def answer_errors(app: FastAPI) -> None:
    """Let the app answer each error it can raise."""
    app.add_exception_handler(UnknownJob, _unknown_job)
    app.add_exception_handler(UnknownBatch, _unknown_batch)
    app.add_exception_handler(UnknownFile, _unknown_file)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(InvalidJob, _invalid_job)
    app.add_exception_handler(Conflict, _conflict)
    app.add_exception_handler(StoreUnavailable, _store_unavailable)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _unknown_job(request: Request, error: Any) -> Response:
    return refusal(request.scope, 404, "unknown_job", str(error), job_id=error.job_id)


async def _unknown_batch(request: Request, error: Any) -> Response:
    return refusal(request.scope, 404, "unknown_batch", str(error), field="batch_id")


async def _unknown_file(request: Request, error: Any) -> Response:
    return refusal(request.scope, 404, "unknown_file", str(error), field="id")


async def _refused(request: Request, error: Any) -> Response:
    fault = error.fault
    return JSONResponse(fault.body(), fault.status, headers=_no_retry(fault.status))


async def _invalid_job(request: Request, error: Any) -> Response:
    return refusal(request.scope, 422, "invalid_job", str(error), field=error.field)


async def _conflict(request: Request, error: Any) -> Response:
    return refusal(request.scope, 409, "conflict", str(error), job_id=error.job_id)


async def _store_unavailable(request: Request, error: Any) -> Response:
    log.warning("%s %s: %s", request.method, request.url.path, error)
    reply = refusal(
        request.scope, 503, "store_unavailable",
        "Redis is away or refuses writes now; nothing that was accepted is lost",
    )  # fmt: skip
    reply.headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    return reply


async def _not_valid(request: Request, error: Any) -> Response:
    mistakes: Sequence[Mapping[str, Any]] = error.errors()[:MISTAKES_AT_MOST]
    message = "; ".join(f"{_field(mistake)}: {_words(mistake)}" for mistake in mistakes)
    kind = "invalid_job" if mistakes[0]["loc"][0] == "body" else "invalid_parameter"
    return refusal(request.scope, 422, kind, message, field=_field(mistakes[0]))


def _field(mistake: Mapping[str, Any]) -> str:
    """Return the field's path as the caller wrote it, without the part of the request it stands in."""
    where, *path = mistake["loc"]
    inside = path and mistake["type"] != "json_invalid"  # there the path is an offset
    return ".".join(map(str, path)) if inside else str(where)


def _words(mistake: Mapping[str, Any]) -> str:
    if mistake["loc"] == ("body",) and mistake["type"] == "model_attributes_type":
        return "send a JSON object, with the header 'content-type: application/json'"
    return str(mistake["msg"]).removeprefix("Value error, ")


async def _http(request: Request, error: Any) -> Response:
    kind = KINDS.get(error.status_code, "http_error")
    reply = refusal(request.scope, error.status_code, kind, str(error.detail))
    reply.headers.update(error.headers or {})
    return reply


async def _unexpected(request: Request, error: Any) -> Response:
    request_id = request.scope["state"]["request_id"]
    log.error("%s %s failed (request %s)", request.method, request.url.path, request_id, exc_info=error)
    return refusal(
        request.scope, 500, "internal", "an unexpected error; the server's log has it by this request id"
    )
