"""The headers that tell of the job behind an answer in another vendor's shape."""

from __future__ import annotations

from router.job import JobRecord

JOB_ID = "x-pointsman-job-id"


def job_headers(record: JobRecord) -> dict[str, str]:
    """Return the job's id, and its model, class and wait as far as there are any."""
    told = {
        JOB_ID: record.id,
        "x-pointsman-model": record.model,
        "x-pointsman-class": record.task_class,
        "x-pointsman-queue-seconds": _waited(record),
    }
    return {name: value for name, value in told.items() if value is not None}


def _waited(record: JobRecord) -> str | None:
    """Return the seconds in which no call was made, between tries too."""
    if record.finished is None:
        return None
    called = sum((attempt.ended or record.finished) - attempt.started for attempt in record.history)
    return f"{max(0.0, record.finished - record.submitted - called):.3f}"
