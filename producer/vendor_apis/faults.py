"""Errors as OpenAI's API tells them: a status, and an object of message, type, param and code.

Refused   a request that cannot be done as it was asked
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.router.vocabulary.errors import ErrorKind, PointsmanError
from pointsman.router.vocabulary.job import JobRecord, JobState

INVALID = "invalid_request_error"


@dataclass(frozen=True)
class Fault:
    """One error as a reply: its HTTP status and the four fields of its body."""

    status: int
    message: str
    type: str = INVALID
    param: str | None = None
    code: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the body of the reply; all four fields are there, as the official clients want it."""
        return {
            "error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code},
        }


class Refused(PointsmanError):
    """Raised when a request cannot be done as it was asked; carries the reply."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        code: str | None = None,
        kind: str = INVALID,
    ) -> None:
        self.fault = Fault(status, message, kind, param, code)
        super().__init__(message)


FAULTS: Mapping[ErrorKind, tuple[int, str, str]] = {
    ErrorKind.RATE_LIMITED: (429, "requests", "rate_limit_exceeded"),
    ErrorKind.QUOTA_EXHAUSTED: (429, "insufficient_quota", "insufficient_quota"),
    ErrorKind.OVERLOADED: (503, "server_error", "server_overloaded"),
    ErrorKind.SERVER_ERROR: (500, "server_error", "server_error"),
    ErrorKind.TIMEOUT: (504, "server_error", "timeout"),
    ErrorKind.CONNECTION: (502, "server_error", "connection_error"),
    ErrorKind.BAD_RESPONSE: (502, "server_error", "bad_response"),
    # the vendor refused our key, not the caller's: a 401 would send the caller looking for a fault of its own
    ErrorKind.AUTH: (502, "server_error", "upstream_auth"),
    ErrorKind.MISCONFIGURED: (502, "server_error", "upstream_misconfigured"),
    ErrorKind.INVALID_REQUEST: (400, INVALID, "invalid_request"),
    ErrorKind.CONTEXT_TOO_LONG: (400, INVALID, "context_length_exceeded"),
    ErrorKind.CONTENT_FILTERED: (400, INVALID, "content_filter"),
    ErrorKind.WORKER_LOST: (500, "server_error", "worker_lost"),
    ErrorKind.CANCELLED: (409, INVALID, "cancelled"),
    ErrorKind.EXPIRED: (504, "server_error", "expired"),
    ErrorKind.QUARANTINED: (500, "server_error", "quarantined"),
}
"""What each kind of error is called over there: status, type, code."""


CODES: Mapping[str, str] = {
    "unauthorized": "invalid_api_key",
    "unknown_batch": "not_found",
    "unknown_file": "not_found",
    "invalid_parameter": "invalid_value",
    "invalid_job": "invalid_value",
    "body_too_large": "file_too_large",
}
"""What our own words for an error of the API are called over there; the others are the same."""


def fault_like(status: int, kind: str, message: str, param: str | None) -> Fault:
    """Return one of the API's own errors as OpenAI would tell it: what is not valid is a 400 there."""
    of_type = INVALID if status < 500 else "server_error"
    return Fault(400 if status == 422 else status, message, of_type, param, CODES.get(kind, kind))


def fault_of(record: JobRecord) -> Fault:
    """Return why a job that has ended has no answer."""
    kind = record.error.kind if record.error else _kind(record.state)
    status, of_type, code = FAULTS[kind]
    return Fault(status, record.error.message if record.error else f"the job {record.state}", of_type, None, code)


def still_going(record: JobRecord) -> Fault:
    """Return that a job has not ended in the time that its caller waits."""
    message = f"no answer yet; the job goes on, its result will be at GET /v1/jobs/{record.id}"
    return Fault(504, message, "server_error", None, "timeout")


def _kind(state: JobState) -> ErrorKind:
    kinds = {JobState.CANCELLED: ErrorKind.CANCELLED, JobState.EXPIRED: ErrorKind.EXPIRED}
    return kinds.get(state, ErrorKind.SERVER_ERROR)
