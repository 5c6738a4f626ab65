"""performance: the best sum of measured quality, latency, errors, load and cost, each 0 to 1, by weights.

Latency and cost compare the candidates with each other: the best one gets 1, and one that is worse loses the share
of the worst by which it is. What is not known of a model is neutral: it counts as the mean of those known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from ...vocabulary.facts import JobFacts
from ...vocabulary.frozen import Frozen
from ..fit import expected_cost_usd
from .contract import Ask, Choice, Strategy

if TYPE_CHECKING:
    from ..model_state import ModelState

STALE_SECONDS = 60.0
"""A ceiling on latency holds no longer than this after the last call: else a model would never be tried again."""


class Weights(Frozen):
    """How much each part counts; only their relations matter."""

    quality: float = Field(default=4.0, ge=0)
    latency: float = Field(default=2.0, ge=0)
    errors: float = Field(default=2.0, ge=0)
    load: float = Field(default=1.0, ge=0)
    cost: float = Field(default=1.0, ge=0)

    @property
    def total(self) -> float:
        """Their sum."""
        return self.quality + self.latency + self.errors + self.load + self.cost


class PerformanceOptions(Frozen):
    """The weights; and hard ceilings, above which a model is not considered at all."""

    weights: Weights = Weights()
    max_latency_seconds: float | None = Field(default=None, gt=0)
    max_cost_usd: float | None = Field(default=None, ge=0)
    max_depth: int | None = Field(default=None, ge=1)


def choose(ask: Ask, options: PerformanceOptions) -> Choice:
    """Choose among models with a free slot, the best first; no model where all are above a ceiling."""
    ruled_out = {state.model.name: why for state in ask.candidates if (why := _above(state, ask.job, options))}
    states = [state for state in ask.candidates if state.model.name not in ruled_out]
    if not states:
        return Choice((), "all are above a ceiling", ruled_out=ruled_out)
    scores = _scores(states, ask, options.weights)
    best = max(scores.values())
    name = ask.random.choice([name for name, score in scores.items() if score == best])
    return Choice((name,), f"best performance: {best:.3f}", scores, ruled_out)


def _above(state: ModelState, job: JobFacts, options: PerformanceOptions) -> str | None:
    """Say which ceiling the model is above; that of cost is looked at before the job has a lane (`filters`)."""
    latency, most = state.latency_seconds, options.max_latency_seconds
    if most and latency is not None and latency > most and state.latency_age_seconds < STALE_SECONDS:
        return f"latency {latency:.2f} s is above {most:g} s"
    if options.max_depth and state.depth >= options.max_depth:
        return f"depth {state.depth} has reached {options.max_depth}"
    return None


def _scores(states: Sequence[ModelState], ask: Ask, weights: Weights) -> dict[str, float]:
    quality = _neutral([ask.quality.get(state.model.name) for state in states])
    latency = _less_is_better([state.latency_seconds for state in states])
    cost = _less_is_better([expected_cost_usd(state.model.price, ask.job) for state in states])
    total = weights.total or 1.0
    by_quality, by_latency, by_cost = weights.quality / total, weights.latency / total, weights.cost / total
    by_errors, by_load = weights.errors / total, weights.load / total
    return {
        state.model.name: by_quality * quality[at]
        + by_latency * latency[at]
        + by_cost * cost[at]
        + by_errors * (1 - state.error_rate)
        + by_load * (1 - min(1.0, state.depth / state.capacity))
        for at, state in enumerate(states)
    }


def _neutral(values: list[float | None]) -> list[float]:
    known = [value for value in values if value is not None]
    mean = sum(known) / len(known) if known else 0.5
    return [mean if value is None else value for value in values]


def _less_is_better(values: list[float | None]) -> list[float]:
    known = [value for value in values if value is not None]
    if not known:
        return [0.5] * len(values)
    least, most = min(known), max(known)
    return _neutral([None if value is None else 1 - (value - least) / (most or 1.0) for value in values])


STRATEGY = Strategy("performance", choose, PerformanceOptions, narrows=False)
