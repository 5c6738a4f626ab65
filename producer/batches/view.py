"""Shows a batch in OpenAI's shape, and what it has no place for in `pointsman`."""

from __future__ import annotations

from typing import Any

from pointsman.router.vocabulary.batch import BatchRecord, BatchStatus

MOMENTS = (
    BatchStatus.IN_PROGRESS,
    BatchStatus.FINALIZING,
    BatchStatus.COMPLETED,
    BatchStatus.FAILED,
    BatchStatus.EXPIRED,
    BatchStatus.CANCELLING,
    BatchStatus.CANCELLED,
)


def view(batch: BatchRecord) -> dict[str, Any]:
    """Return the Batch object; usage and cost are there once it has ended, counts at any time."""
    models = (batch.summary or {}).get("models", {})
    ended = batch.status.ended
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": next(iter(models)) if len(models) == 1 else None,
        "errors": {"object": "list", "data": list(batch.errors)} if batch.errors else None,
        "input_file_id": batch.input_file_id,
        "completion_window": batch.completion_window,
        "status": batch.status.value,
        "output_file_id": batch.output_file_id or None if ended else None,
        "error_file_id": batch.error_file_id or None if ended else None,
        "created_at": int(batch.created),
        "expires_at": int(batch.expires),
        **{f"{moment}_at": _seconds(batch, moment) for moment in MOMENTS},
        "request_counts": _counts(batch),
        "usage": None if batch.summary is None else _usage(models),
        "metadata": batch.metadata,
        "pointsman": {
            "retry_of": batch.retry_of or None,
            "webhook": batch.webhook.url if batch.webhook else None,
            "counts": {
                "refused": batch.refused,
                "succeeded": batch.succeeded,
                "failed": batch.failed,
                "expired": batch.expired,
                "cancelled": batch.cancelled,
            },
            "submitted_lines": batch.line,
            "models": models,
            "cost_usd": _cost(models),
        },
    }


def _seconds(batch: BatchRecord, moment: BatchStatus) -> int | None:
    return int(batch.moved[moment]) if moment in batch.moved else None


def _counts(batch: BatchRecord) -> dict[str, int]:
    """Return the counts; those of an ended batch are of its files, whatever is done to its jobs later."""
    if batch.summary is not None:
        completed, failed = batch.summary["completed"], batch.summary["failed"]
    else:
        completed, failed = batch.succeeded, batch.unanswered
    return {"total": batch.total, "completed": completed, "failed": failed}


def _usage(models: dict[str, dict[str, Any]]) -> dict[str, Any]:
    spent = {
        name: sum(model[name] for model in models.values())
        for name in ("input_tokens", "cached_tokens", "output_tokens")
    }
    return {
        "input_tokens": spent["input_tokens"],
        "input_tokens_details": {"cached_tokens": spent["cached_tokens"]},
        "output_tokens": spent["output_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": spent["input_tokens"] + spent["output_tokens"],
    }


def _cost(models: dict[str, dict[str, Any]]) -> float | None:
    known = [model["cost_usd"] for model in models.values() if model["cost_usd"] is not None]
    return sum(known) if known else None
