"""The calls of the scripts that serve whoever submits: submit, cancel, retry, forget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .contract import Beside, Call


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What became of a submit; `repeat` and `conflict` name the job, or the batch, that was there before."""

    status: Literal["accepted", "repeat", "conflict", "closed"]
    id: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """The state before and after; neither where nobody knows the id."""

    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, kw_only=True)
class SubmitJob(Call[Accepted]):
    """Writes a job; its record is kept for `keep_ms` at least, `offset` is where its batch's input has it."""

    now: int | None = None
    id: str
    fingerprint: str
    idempotency: str | None = None
    idempotency_ms: int
    lane: str
    priority: int
    takes_ms: int
    not_before: int | None = None
    request: Beside
    tenant: str
    facts: str
    max_attempts: int
    metadata: str | None = None
    task_class: str | None = None
    pinned_model: str | None = None
    webhook: str | None = None
    keep_ms: int | None = None
    batch: str | None = None
    offset: int | None = None


@dataclass(frozen=True, kw_only=True)
class CancelJob(Call[Change]):
    """Cancels a job."""

    now: int | None = None
    id: str
    result_ms: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class RetryJob(Call[Change]):
    """Lets a dead letter begin anew."""

    now: int | None = None
    id: str


@dataclass(frozen=True, kw_only=True)
class MoveJobs(Call[int]):
    """Lets waiting jobs name another class or model."""

    now: int | None = None
    dead_ms: int
    lane: str
    jobs: Sequence[str]
    task_class: str | None = None
    model: str | None = None


@dataclass(frozen=True, kw_only=True)
class ForgetJob(Call[Literal["unknown", "open", "batch", "forgotten"]]):
    """Forgets a job that has ended."""

    id: str
