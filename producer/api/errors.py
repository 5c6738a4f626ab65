"""Errors of the doors whose callers wait for an answer.

NoAnswer   a wait is over, and there is no answer
"""

from __future__ import annotations

from router.errors import PointsmanError
from router.job import JobRecord


class NoAnswer(PointsmanError):
    """Raised when a wait for an answer is over without one; carries the job as it is then.

    `joins` says that the same request again would be this very job, and `retry_after` is how many seconds a
    model that had no room wants to be left alone.
    """

    def __init__(self, record: JobRecord, *, joins: bool, retry_after: float | None = None) -> None:
        self.record, self.joins, self.retry_after = record, joins, retry_after
        super().__init__(f"job {record.id} has no answer: {record.state}")
