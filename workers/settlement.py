"""Writes an outcome down as the settlement that Redis gets. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never

from pointsman.router.store import Claim, Settlement
from pointsman.router.vocabulary.allowance import Allowance
from pointsman.router.vocabulary.chat import Answer
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.facts import MOST_TOKENS
from pointsman.router.vocabulary.job import JobResult, JobState
from pointsman.router.vocabulary.lanes import Lane
from pointsman.router.vocabulary.model import Breaker, Price

from .cost import cost_usd
from .errors import NO_ALLOWANCE, CallFailed
from .outcome import AttemptOutcome, GaveUp, RetryLater, Succeeded, TryNextModel


@dataclass(frozen=True)
class Tried:
    """One attempt at its end: what was claimed, by whom, how long the call took, what was left out of it.

    `allowance` is what the vendor said with its reply.
    """

    claim: Claim
    model: str
    worker: str
    key_print: str
    seconds: float | None = None
    first_token_seconds: float | None = None
    dropped: tuple[str, ...] = ()
    breaker: Breaker | None = None
    allowance: Allowance = NO_ALLOWANCE


def settlement(tried: Tried, outcome: AttemptOutcome, *, price: Price | None = None) -> Settlement:
    """Return the settlement of an outcome; `price` is the model's, for the cost."""
    match outcome:
        case Succeeded(answer):
            return _success(tried, answer, price)
        case RetryLater(error, wait_seconds, cool_seconds, spends_attempt, refused):
            return _failure(
                tried, error, JobState.PENDING, lane=_open(tried.claim.lane), wait_seconds=wait_seconds,
                cool_seconds=cool_seconds, spends_attempt=spends_attempt, refused=refused,
            )  # fmt: skip
        case TryNextModel(error, lane, stop, spends_attempt, cool_seconds):
            return _failure(
                tried, error, JobState.PENDING, lane=str(lane), stop=stop, spends_attempt=spends_attempt,
                cool_seconds=cool_seconds,
            )  # fmt: skip
        case GaveUp(error, stop, cool_seconds):
            return _failure(tried, error, JobState.FAILED, stop=stop, cool_seconds=cool_seconds)
        case _:
            assert_never(outcome)


def _open(lane: str) -> str:
    """Return the lane in which the job is decided again, wherever a strategy had sent it."""
    return str(Lane.parse(lane).open())


def past_deadline(tried: Tried, error: CallFailed) -> Settlement:
    """Return the settlement of a call that the job's own deadline cut short."""
    late = CallFailed(ErrorKind.EXPIRED, f"the deadline passed during the call; {error.message}")
    return _failure(tried, late, JobState.EXPIRED)


def _success(tried: Tried, answer: Answer, price: Price | None) -> Settlement:
    cost = cost_usd(answer.usage, price)
    result = JobResult(
        answer=answer,
        model=tried.model,
        seconds=round(tried.seconds or 0.0, 3),
        cost_usd=cost,
        dropped=tried.dropped,
    )
    return Settlement(
        state=JobState.SUCCEEDED,
        attempt=_record(tried) | {"simulated": answer.simulated},
        result=result.model_dump(mode="json"),
        tokens=min(MOST_TOKENS, answer.usage.input_tokens + answer.usage.output_tokens),
        output_tokens=min(MOST_TOKENS, answer.usage.output_tokens),
        latency_seconds=tried.seconds,
        cost_usd=cost,
        breaker=tried.breaker,
        allowance=tried.allowance,
    )


def _failure(tried: Tried, error: CallFailed, state: JobState, **more: Any) -> Settlement:
    return Settlement(
        state=state,
        attempt=_record(tried) | {"kind": error.kind, "reason": error.message},
        kind=error.kind,
        message=error.message,
        key_print=tried.key_print,
        certain=error.certain,
        breaker=tried.breaker,
        allowance=tried.allowance,
        **more,
    )


def _record(tried: Tried) -> dict[str, Any]:
    claim, first = tried.claim, tried.first_token_seconds
    return {
        "number": claim.attempt,
        "binding": claim.binding,
        "model": tried.model,
        "worker": tried.worker,
        "reason": "",
        "decision": claim.decision,
        "dropped": list(tried.dropped),
        **({"first_token_seconds": round(first, 3)} if first is not None else {}),
    }
