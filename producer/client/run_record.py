"""What `run_many` yields: a record that knows which job of the caller's it belongs to."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from pointsman.router.vocabulary.job import JobRecord


class RunRecord(JobRecord):
    """The record of a job of `run_many`, and `job`: the prompt, spec or mapping that was given for it."""

    job: Any = Field(default=None, exclude=True)

    @staticmethod
    def of(record: JobRecord, job: Any) -> RunRecord:
        """Return the record with its job beside it."""
        return RunRecord.model_construct(record.model_fields_set | {"job"}, **dict(record), job=job)
