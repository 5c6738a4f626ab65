"""The headers that tell of the job behind an answer in another vendor's shape."""

from __future__ import annotations

from router.job import JobRecord

JOB_ID = "x-pointsman-job-id"


def job_headers(record: JobRecord) -> dict[str, str]:
    """Return the job's id, and its model, class and wait as far as there are any."""
    waited = record.queue_seconds
    told = {
        JOB_ID: record.id,
        "x-pointsman-model": record.model,
        "x-pointsman-class": record.task_class,
        "x-pointsman-queue-seconds": None if waited is None else f"{waited:.3f}",
    }
    return {name: value for name, value in told.items() if value is not None}
