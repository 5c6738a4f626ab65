"""The calls of the scripts that keep batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .contract import Call
from .jobs import Accepted, Change


@dataclass(frozen=True, kw_only=True)
class CreateBatch(Call[Accepted]):
    """Writes a batch; `fields` are kept with it as they are."""

    now: int | None = None
    id: str
    tenant: str
    fingerprint: str
    idempotency: str | None = None
    idempotency_ms: int
    window_ms: int
    fields: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ClaimBatch(Call[str]):
    """Gives a batch to one process."""

    now: int | None = None
    token: str
    lease_ms: int


@dataclass(frozen=True, kw_only=True)
class AdvanceBatch(Call[str]):
    """Notes how far a batch is; `refused` are lines as <offset>:<number>, `kept_ms` is given where it has ended."""

    now: int | None = None
    id: str
    token: str
    step: int
    before: str
    to: str | None = None
    look_again_ms: int
    kept_ms: int | None = None
    refused: Sequence[str]
    fields: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class CancelBatch(Call[Change]):
    """Lets a batch be cancelled, from these statuses."""

    now: int | None = None
    id: str
    cancellable: Sequence[str]
