"""Turns what the API answers back into values and into the errors it stands for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from pointsman.router.runtime.http import Response
from pointsman.router.vocabulary.errors import Conflict, InvalidJob, PointsmanError, UnknownDelivery, UnknownJob
from pointsman.router.vocabulary.job import JobRecord

from ...errors import ApiError, ApiUnavailable, Unauthorized

AWAY = frozenset({429, 502, 503, 504})
"""Statuses that mean 'not now', from the API itself or from a proxy before it."""

BY_KIND: Mapping[str, Callable[[Mapping[str, Any]], PointsmanError]] = {
    "unknown_job": lambda error: UnknownJob(str(error.get("job_id", ""))),
    "unknown_delivery": lambda error: UnknownDelivery(str(error.get("delivery_id", ""))),
    "conflict": lambda error: Conflict(str(error["message"]), job_id=str(error.get("job_id", ""))),
    "invalid_job": lambda error: InvalidJob(str(error["message"]), field=str(error.get("field", ""))),
}


def read_reply(response: Response) -> Any:
    """Return the decoded body of a success; raises the error that the API's answer stands for."""
    body = _decoded(response)
    if response.is_success and body is not None:
        return body
    error = body.get("error") if isinstance(body, dict) else None
    raise _error(response, error if isinstance(error, dict) and "message" in error else {})


def read_record(line: str) -> JobRecord:
    """Return the record of one line of a stream of ends; raises the error that such a line may be."""
    try:
        return JobRecord.model_validate_json(line)
    except ValidationError:
        error = json.loads(line)["error"]  # half a line cannot come: its connection would have broken
    if error["kind"] in BY_KIND:
        raise BY_KIND[error["kind"]](error)
    raise ApiUnavailable(str(error["message"]))


def _error(response: Response, error: Mapping[str, Any]) -> PointsmanError:
    status = response.status_code
    message = str(error.get("message", f"{response.url} answered {status}, but not as the API of Pointsman does"))
    if status in AWAY:
        return ApiUnavailable(message, retry_after=_seconds(response.headers.get("retry-after")))
    kind = str(error.get("kind", ""))
    if kind in BY_KIND:
        return BY_KIND[kind](error)
    kind_of_error = Unauthorized if status == 401 else ApiError
    return kind_of_error(message, status=status, kind=kind, request_id=response.headers.get("x-request-id", ""))


def _decoded(response: Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _seconds(retry_after: str | None) -> float:
    try:
        return max(0.0, float(retry_after or 0.0))
    except ValueError:  # a date, which only a proxy would send: the backoff is good enough
        return 0.0
