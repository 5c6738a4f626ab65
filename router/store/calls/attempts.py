"""The calls of the worker's scripts: claim, renew, settle, release, and presence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...vocabulary.job import JobState
from .contract import Beside, Call


@dataclass(frozen=True, kw_only=True)
class ClaimAnswer:
    """What a claim brings; without `claimed` there is nothing but the status."""

    status: Literal["claimed", "stale", "closed", "newer", "expired"]
    request: str | None = None
    attempt: int = 0
    timeout_ms: int = 0
    at_deadline: bool = False
    max_attempts: int = 0
    rate_limits: int = 0
    lane: str = ""
    failed_by: str = ""
    decision: str | None = None


@dataclass(frozen=True, kw_only=True)
class ClaimJob(Call[ClaimAnswer]):
    """Starts an attempt."""

    now: int | None = None
    expected: int | None = None
    id: str
    binding: int
    token: str
    worker: str
    schema: int
    lease_ms: int
    timeout_ms: int
    dead_ms: int


@dataclass(frozen=True)
class HeldJob:
    """A job in flight in this process."""

    model: str
    job_id: str
    binding: int


@dataclass(frozen=True, kw_only=True)
class RenewLeases(Call[list[bool]]):
    """Renews the leases of what one process has in flight."""

    now: int | None = None
    expected: int | None = None
    lease_ms: int
    jobs: Sequence[HeldJob]


@dataclass(frozen=True)
class StreamedPiece:
    """A piece of the answer of a job that is streamed; `offset` is the bytes of UTF-8 that went before it."""

    job_id: str
    binding: int
    offset: int
    text: str


@dataclass(frozen=True, kw_only=True)
class AppendTokens(Call[list[bool]]):
    """Adds to what running jobs have said."""

    pieces: Sequence[StreamedPiece]


@dataclass(frozen=True, kw_only=True)
class BreakerRules:
    """By what a model's own faults close it; `min_calls` of 0 is for never."""

    window_ms: int = 1
    min_calls: int = 0
    error_ratio: float = 1
    open_ms: int = 1
    max_open_ms: int = 1
    probes: int = 1
    suspect_after: int = 0


@dataclass(frozen=True, kw_only=True)
class Remaining:
    """So many are left, until a reset in so many milliseconds."""

    count: int
    reset_ms: int


@dataclass(frozen=True, kw_only=True)
class Reported:
    """What a vendor's reply says of what is left."""

    requests: Remaining | None = None
    tokens: Remaining | None = None


@dataclass(frozen=True, kw_only=True)
class SettleJob(Call[JobState | Literal["stale"]]):
    """Ends an attempt. `fault` is None for an error that says nothing of the model; so is what is not known."""

    now: int | None = None
    expected: int | None = None
    id: str
    binding: int
    token: str
    state: JobState
    result: Beside
    kind: str
    message: str
    attempt: Mapping[str, Any]
    lane: str
    wait_ms: int
    spends_attempt: bool
    tokens: int | None = None
    output_tokens: int
    latency_ms: int | None = None
    cost_micro_usd: int
    cool_ms: int
    stop: str
    key_print: str
    certain: bool
    refused: bool
    fault: bool | None = None
    breaker: BreakerRules
    reported: Reported
    result_ms: int
    dead_ms: int


@dataclass(frozen=True, kw_only=True)
class ReleaseJob(Call[Literal["released", "stale"]]):
    """Gives one unclaimed binding back."""

    id: str
    binding: int


@dataclass(frozen=True)
class Offer:
    """What a worker offers for one model: slots, and the fingerprint of the API key it would use."""

    model: str
    slots: int
    key_print: str


@dataclass(frozen=True, kw_only=True)
class Announced:
    """What our clock shows, in milliseconds, and how many models are new to a worker, or were opened by its key."""

    now: int
    changed: int


@dataclass(frozen=True, kw_only=True)
class AnnounceWorker(Call[Announced]):
    """Says that a worker process lives."""

    now: int | None = None
    expected: int | None = None
    worker: str
    presence_ms: int
    config: str
    schema: int
    offers: Sequence[Offer]


@dataclass(frozen=True, kw_only=True)
class WithdrawWorker(Call[int]):
    """Takes a worker's slots away at once."""

    worker: str
    models: Sequence[str]
