"""What a batch is: a file of requests, a job for each of its lines, and what is known of it later."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from pydantic import Field, JsonValue

from .frozen import Frozen
from .webhook import Webhook

KEPT_FOR_SECONDS = 30 * 86_400.0
"""How long an ended batch and what it wrote are kept."""


class BatchStatus(StrEnum):
    """Where a batch is; the names are OpenAI's. The last four are its ends."""

    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether a batch in this status has come to its end."""
        return not BATCH_MOVES[self]


BATCH_MOVES: Mapping[BatchStatus, frozenset[BatchStatus]] = MappingProxyType(
    {
        BatchStatus.VALIDATING: frozenset({BatchStatus.IN_PROGRESS, BatchStatus.FAILED, BatchStatus.CANCELLING}),
        BatchStatus.IN_PROGRESS: frozenset({BatchStatus.FINALIZING, BatchStatus.CANCELLING}),
        BatchStatus.FINALIZING: frozenset({BatchStatus.COMPLETED, BatchStatus.EXPIRED}),
        BatchStatus.CANCELLING: frozenset({BatchStatus.CANCELLED}),
        BatchStatus.COMPLETED: frozenset(),
        BatchStatus.FAILED: frozenset(),
        BatchStatus.EXPIRED: frozenset(),
        BatchStatus.CANCELLED: frozenset(),
    }
)
"""status before -> statuses after."""


class BatchRecord(Frozen):
    """All that is known of one batch; times are Unix seconds by Redis's clock.

    `line` and `offset` say up to which line, and byte, of the input its lines are submitted. `jobs` is how many
    were, None until all are; `last_line` is the number of the last one. `refused` lines never became jobs; the
    other counts are of jobs. `webhook` is None also where the tenant's own is notified.
    """

    id: str
    tenant: str
    status: BatchStatus
    endpoint: str
    input_file_id: str
    completion_window: str
    window_seconds: float
    created: float
    expires: float
    metadata: dict[str, str] = Field(default_factory=dict)
    output_seconds: float = KEPT_FOR_SECONDS
    retry_of: str = ""
    webhook: Webhook | None = None
    moved: dict[BatchStatus, float] = Field(default_factory=dict)
    line: int = 0
    offset: int = 0
    last_line: int = 0
    total: int = 0
    jobs: int | None = None
    refused: int = 0
    succeeded: int = 0
    failed: int = 0
    expired: int = 0
    cancelled: int = 0
    output_file_id: str = ""
    error_file_id: str = ""
    errors: tuple[dict[str, JsonValue], ...] = ()
    summary: dict[str, Any] | None = None

    @property
    def all_ended(self) -> bool:
        """Whether every line is submitted, and every job has ended."""
        return self.jobs is not None and self.succeeded + self.failed + self.expired + self.cancelled >= self.jobs

    @property
    def unanswered(self) -> int:
        """How many lines have ended without an answer."""
        return self.failed + self.expired + self.cancelled + self.refused


def new_batch_id() -> str:
    """Return a fresh id that sorts by the time it was made."""
    return f"batch_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


def line_job_id(batch_id: str, line: int) -> str:
    """Return the id of the job of one line: the same each time, so that a line submitted twice is one job."""
    return f"{batch_id.removeprefix('batch_')}-{line:05d}"
