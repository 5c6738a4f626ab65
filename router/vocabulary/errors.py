"""Every error of the router, and the closed vocabulary of what can go wrong with a call.

PointsmanError
├── ConfigError          a configuration file or setting is wrong (exit status 2)
├── StoreUnavailable     Redis cannot be reached or refuses writes
├── UnknownJob           no job has this id
├── UnknownBatch         no batch has this id
├── UnknownDelivery      no webhook's delivery has this id
├── Conflict             the same idempotency key or job id with another request
├── InvalidJob           a job that cannot be accepted
└── JobFailed            the job ended without an answer
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class ErrorKind(StrEnum):
    """Why a call or a job failed; the only words for it in the API, Redis, logs and metrics."""

    RATE_LIMITED = "rate_limited"
    QUOTA_EXHAUSTED = "quota_exhausted"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    BAD_RESPONSE = "bad_response"
    AUTH = "auth"
    MISCONFIGURED = "misconfigured"
    INVALID_REQUEST = "invalid_request"
    CONTEXT_TOO_LONG = "context_too_long"
    CONTENT_FILTERED = "content_filtered"
    WORKER_LOST = "worker_lost"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    QUARANTINED = "quarantined"


COUNT_AGAINST_MODEL = frozenset(
    {ErrorKind.OVERLOADED, ErrorKind.SERVER_ERROR, ErrorKind.TIMEOUT, ErrorKind.CONNECTION, ErrorKind.BAD_RESPONSE}
)
"""What counts against a model's health: the errors that are its own fault."""


class PointsmanError(Exception):
    """The root of every error that Pointsman raises on purpose."""


MISTAKES_SHOWN = 30


class ConfigError(PointsmanError):
    """Raised when a configuration file or setting is wrong; names the file, the line and the field.

    Where several things are wrong it is the first of them, and `others` are those that follow.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        line: int | None = None,
        field: str = "",
        others: Sequence[ConfigError] = (),
    ) -> None:
        self.message, self.file, self.line, self.field, self.others = message, file, line, field, tuple(others)
        location = file + (f", line {line}" if line else "")
        words = ": ".join(part for part in (location, field, message) if part)
        if others:
            shown = [words, *map(str, self.others[: MISTAKES_SHOWN - 1])]
            if (more := len(self.others) + 1 - len(shown)) > 0:
                shown.append(f"and {more} more")
            words = "\n  ".join([f"{len(self.others) + 1} mistakes in the configuration:", *shown])
        super().__init__(words)


def all_of(mistakes: Sequence[ConfigError]) -> ConfigError:
    """Return one error for one mistake or more."""
    first, *others = mistakes
    return ConfigError(first.message, file=first.file, line=first.line, field=first.field, others=others)


class StoreUnavailable(PointsmanError):
    """Raised when Redis cannot be reached or refuses to write; nothing that was accepted is lost."""


class UnknownJob(PointsmanError):
    """Raised when no job has this id: it was never submitted, or its result has expired."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"no job has the id {job_id!r}: it was never submitted, or its result has expired")


class UnknownBatch(PointsmanError):
    """Raised when no batch has this id: it was never created, or its record has expired."""

    def __init__(self, batch_id: str) -> None:
        self.batch_id = batch_id
        super().__init__(f"no batch has the id {batch_id!r}: it was never created, or its record has expired")


class UnknownDelivery(PointsmanError):
    """Raised when no webhook's delivery has this id: it was never owed, or its record has expired."""

    def __init__(self, delivery_id: str) -> None:
        self.delivery_id = delivery_id
        super().__init__(f"no webhook delivery has the id {delivery_id!r}, or its record has expired")


class Conflict(PointsmanError):
    """Raised when a job id or an idempotency key comes again with another request."""

    def __init__(self, message: str, *, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(message)


class InvalidJob(PointsmanError):
    """Raised when a job names a task class or a model that does not exist, or has a field out of range."""

    def __init__(self, message: str, *, field: str) -> None:
        self.field = field
        super().__init__(message)


class JobFailed(PointsmanError):
    """Raised by a wait for a result when the job ended without one; also what Celery's AsyncResult raises."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind, self.message = ErrorKind(kind), message
        super().__init__(kind, message)

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"
