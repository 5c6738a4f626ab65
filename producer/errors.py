"""Every error a caller of the clients may catch.

PointsmanError
├── ApiError             the API answered with an error that none of the classes below stands for
│   └── Unauthorized     the API key is missing or wrong
├── StoreUnavailable     Redis cannot be reached or refuses writes
│   └── ApiUnavailable   the API cannot be reached, or says that its Redis is away
├── UnknownJob           no job has this id
├── UnknownDelivery      no webhook's delivery has this id
├── Conflict             the same idempotency key or job id with another request
├── InvalidJob           a job that cannot be accepted
└── JobFailed            the job ended without an answer
"""

from __future__ import annotations

from pointsman.router.vocabulary.errors import (
    Conflict,
    InvalidJob,
    JobFailed,
    PointsmanError,
    StoreUnavailable,
    UnknownDelivery,
    UnknownJob,
)

__all__ = [
    "ApiError",
    "ApiUnavailable",
    "Conflict",
    "InvalidJob",
    "JobFailed",
    "PointsmanError",
    "StoreUnavailable",
    "Unauthorized",
    "UnknownDelivery",
    "UnknownJob",
]


class ApiError(PointsmanError):
    """Raised when the API answers with an error of its own, such as a body that is too large."""

    def __init__(self, message: str, *, status: int, kind: str, request_id: str = "") -> None:
        self.status, self.kind, self.request_id = status, kind, request_id
        super().__init__(message)


class Unauthorized(ApiError):
    """Raised when the API wants a key and got none, or one it does not know."""


class ApiUnavailable(StoreUnavailable):
    """Raised when the API cannot be reached or has no Redis now; `retry_after` is in seconds, 0 where unknown."""

    def __init__(self, message: str, *, retry_after: float = 0.0) -> None:
        self.retry_after = retry_after
        super().__init__(message)
