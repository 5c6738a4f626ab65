"""Every error of the workers.

PointsmanError
├── CallFailed    a call to a model did not give an answer that can be used
│   └── NotSent   nobody was there to take the request
└── LeaseLost     the job was given to someone else, or cancelled, while this worker had it
"""

from __future__ import annotations

from pointsman.router.vocabulary.allowance import Allowance
from pointsman.router.vocabulary.errors import ErrorKind, PointsmanError

TIME_LIMIT = "the worker's time limit"
"""What cancels a task when Celery's time limit ends it; any other cancellation means that the worker stops."""

NO_ALLOWANCE = Allowance()


class CallFailed(PointsmanError):
    """Raised when a call gave no usable answer; `retry_after` is in seconds, None where the vendor said nothing.

    `allowance` is what its reply says, if there was one, of the requests and tokens that are left. It is not
    `certain` where a refusal may be meant for this request alone.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        allowance: Allowance = NO_ALLOWANCE,
        certain: bool = True,
    ) -> None:
        self.kind, self.message, self.status, self.retry_after = kind, message, status, retry_after
        self.allowance, self.certain = allowance, certain
        super().__init__(f"{kind}: {message}")


class NotSent(CallFailed):
    """Raised when nobody was there to take the request: it is the fault of the place, and nothing was begun."""


class LeaseLost(PointsmanError):
    """Raised when a worker finds that the job it holds is no longer its own."""
