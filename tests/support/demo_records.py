"""What the tests of the demo share: records and models made by hand."""

from __future__ import annotations

from typing import Any

from pointsman.router.vocabulary.job import JobRecord
from pointsman.router.vocabulary.views import ModelView


def attempt(model: str, kind: str | None = None, *, started: float = 0.0, ended: float = 1.0) -> dict[str, Any]:
    """Return an attempt that was answered, or ended with a kind of error."""
    decision = {"reason": f"{model} was best"}
    return {"model": model, "kind": kind, "started": started, "ended": ended, "decision": decision}


def record(*attempts: dict[str, Any], state: str = "succeeded", model: str | None = None, **more: Any) -> JobRecord:
    """Return a job with these attempts, that succeeded where nothing else is said."""
    history = [{"number": at, "binding": at, **one} for at, one in enumerate(attempts, 1)]
    result = {"answer": {"text": "x", "finish_reason": "stop", "usage": {"input_tokens": 1, "output_tokens": 7}}}
    given = {
        "id": "job00001", "state": state, "tenant": "default", "priority": 5, "submitted": 0.0, "expires": 99.0,
        "max_attempts": 4, "history": history, "model": model or (attempts[-1]["model"] if attempts else None),
    }  # fmt: skip
    if state == "succeeded":
        given["result"] = {**result, "model": "any", "seconds": 1.0, "cost_usd": 0.25}
    return JobRecord.model_validate({**given, **more})


def view(name: str, breaker: str = "closed", status: str = "open") -> ModelView:
    """Return what a model looks like."""
    return ModelView(
        name=name, queue=f"llm.{name}", format="openai", upstream=name, depth=2, in_flight=2, slots=0, capacity=2,
        workers=1, waiting=0, served=9, succeeded=9, errors={"server_error": 3}, latency_seconds=2.0,
        requests_last_minute=9, tokens_last_minute=9, cost_usd=0.1, breaker=breaker, status=status,
    )  # fmt: skip
