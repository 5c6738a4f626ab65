"""Reads a job's record from what Redis keeps of it: its hash, its history, and its result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..routing.classify import EXPLICIT
from ..vocabulary.errors import ErrorKind
from ..vocabulary.job import Attempt, JobError, JobRecord, JobResult, JobState

FIELDS = (
    "state", "task_class", "model", "pinned_model", "tenant", "priority", "submitted", "deadline", "finished",
    "not_before", "binding", "attempts", "losses", "max_attempts", "metadata", "error_kind",
    "error_message", "classified_by", "batch", "lane",
)  # fmt: skip
"""What is read of a job's hash: all but what only scripts need."""


def read_record(
    job_id: str, values: Sequence[str | None], history: Sequence[str], more: Sequence[str | None]
) -> JobRecord:
    """Return the record of one job.

    `values` are those of FIELDS, in that order; `more` is its last decision, unless that stands in the history, and
    the value that Celery's result backend would read. Of a damaged record there is what is left; raises ValueError
    where that does not make one.
    """
    fields = {name: value for name, value in zip(FIELDS, values, strict=True) if value is not None}
    attempts = tuple(attempt for line in history if (attempt := _attempt(line)))
    decision, meta = more
    return JobRecord(
        id=job_id,
        state=JobState(fields.get("state", "")),
        task_class=fields.get("task_class"),
        model=fields.get("model"),
        pinned_model=fields.get("pinned_model"),
        tenant=fields.get("tenant", ""),
        priority=int(fields.get("priority", 5)),
        submitted=int(fields.get("submitted", 0)) / 1000,
        expires=int(fields.get("deadline", 0)) / 1000,
        finished=_seconds(fields.get("finished")),
        not_before=_seconds(fields.get("not_before")),
        binding=int(fields.get("binding", 0)),
        attempts=int(fields.get("attempts", 0)),
        losses=int(fields.get("losses", 0)),
        max_attempts=int(fields.get("max_attempts", 1)),
        metadata=json.loads(fields.get("metadata", "{}")),
        classified_by=fields.get("classified_by", EXPLICIT if "task_class" in fields else None),
        batch=fields.get("batch"),
        decision=read_decision(decision) or next((a.decision for a in attempts[::-1] if a.decision), None),
        history=attempts,
        result=_result(fields.get("state", ""), meta),
        error=_error(fields),
    )


def read_decision(text: str | None) -> dict[str, Any] | None:
    """Return a decision as it is kept with a job, None where there is none that can be read."""
    try:
        decision = json.loads(text or "null")
    except ValueError:
        return None
    return decision if isinstance(decision, dict) else None


def _attempt(line: str) -> Attempt | None:
    """Return an attempt of the history; None for a line that is damaged, or of another version."""
    try:
        data: dict[str, Any] = {"kind": None, **json.loads(line)}
        data["dropped"] = tuple(data.get("dropped") or ())  # Lua's cjson writes an empty list as an empty object
        return Attempt.model_validate(data)
    except (ValueError, TypeError):
        return None


def _last_decision(attempts: Sequence[Attempt]) -> dict[str, Any] | None:
    return next((attempt.decision for attempt in reversed(attempts) if attempt.decision), None)


def _result(state: str, meta: str | None) -> JobResult | None:
    if state != JobState.SUCCEEDED or meta is None:
        return None
    return JobResult.model_validate(json.loads(meta)["result"])


def _error(fields: Mapping[str, str]) -> JobError | None:
    if "error_kind" not in fields:
        return None
    return JobError(kind=ErrorKind(fields["error_kind"]), message=fields["error_message"])


def _seconds(ms: str | None) -> float | None:
    return int(ms) / 1000 if ms else None
