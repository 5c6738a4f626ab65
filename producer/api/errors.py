"""Errors of the doors whose callers wait for an answer.

NoAnswer    a wait is over, and there is no answer
OutOfSight  a wait is over while Redis is away
"""

from __future__ import annotations

from router.errors import PointsmanError, StoreUnavailable
from router.job import JobRecord


class NoAnswer(PointsmanError):
    """Raised when a wait for an answer is over without one; carries the job as it is then.

    `joins` says that the same request again would be this very job, and `retry_after` is how many seconds a
    model that had no room wants to be left alone.
    """

    def __init__(self, record: JobRecord, *, joins: bool, retry_after: float | None = None) -> None:
        self.record, self.joins, self.retry_after = record, joins, retry_after
        super().__init__(f"job {record.id} has no answer: {record.state}")


class OutOfSight(StoreUnavailable):
    """Raised when Redis is away at the end of a wait; the job was accepted, and goes on. `joins` as of NoAnswer."""

    def __init__(self, job_id: str, *, joins: bool) -> None:
        self.job_id, self.joins = job_id, joins
        super().__init__(f"what became of job {job_id} can not be seen")
