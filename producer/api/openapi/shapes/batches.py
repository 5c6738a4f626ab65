"""Batches in OpenAI's shape, and what it has no place for."""

from __future__ import annotations

from typing import Literal

from pointsman.router.vocabulary.batch import BatchStatus
from pointsman.router.vocabulary.frozen import Frozen


class BatchMistake(Frozen):
    """One mistake in the input of a batch."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


class BatchMistakes(Frozen):
    """What is wrong with the input of a batch."""

    object: Literal["list"]
    data: list[BatchMistake]


class RequestCounts(Frozen):
    """The lines of a batch; `failed` are those without an answer."""

    total: int
    completed: int
    failed: int


class CachedTokens(Frozen):
    """The input tokens that vendors read from their caches."""

    cached_tokens: int


class ReasoningTokens(Frozen):
    """The output tokens that were thoughts."""

    reasoning_tokens: int


class BatchUsage(Frozen):
    """The tokens of a batch."""

    input_tokens: int
    input_tokens_details: CachedTokens
    output_tokens: int
    output_tokens_details: ReasoningTokens
    total_tokens: int


class BatchModel(Frozen):
    """What one model did of a batch."""

    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float | None


class EndCounts(Frozen):
    """The lines of a batch by their kind of end."""

    refused: int
    succeeded: int
    failed: int
    expired: int
    cancelled: int


class OurBatch(Frozen):
    """What OpenAI's shape has no place for."""

    retry_of: str | None
    webhook: str | None
    counts: EndCounts
    submitted_lines: int
    models: dict[str, BatchModel]
    cost_usd: float | None


class Batch(Frozen):
    """One batch; times are Unix seconds."""

    id: str
    object: Literal["batch"]
    endpoint: str
    model: str | None
    errors: BatchMistakes | None
    input_file_id: str
    completion_window: str
    status: BatchStatus
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    expires_at: int
    in_progress_at: int | None
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    request_counts: RequestCounts
    usage: BatchUsage | None
    metadata: dict[str, str]
    pointsman: OurBatch


class BatchList(Frozen):
    """One page of batches, the newest first."""

    object: Literal["list"]
    data: list[Batch]
    first_id: str | None
    last_id: str | None
    has_more: bool
