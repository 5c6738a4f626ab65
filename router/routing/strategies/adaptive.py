"""adaptive: the smallest latency x (depth + 1), with a penalty for errors; each model keeps a floor share.

The latency is a moving average of whole calls. A model without one, just started, counts as the group's median: it
is neither shunned nor flooded. The floor share lets a model that was slow or failing be tried again.
"""

from __future__ import annotations

from statistics import median

from pydantic import Field

from ...vocabulary.frozen import Frozen
from .contract import Ask, Choice, Strategy


class AdaptiveOptions(Frozen):
    """`error_penalty` multiplies the error rate, `floor` is the share of jobs that each model gets at least."""

    error_penalty: float = Field(default=10.0, ge=0, le=1000)
    floor: float = Field(default=0.02, ge=0, le=0.2)


def choose(ask: Ask, options: AdaptiveOptions) -> Choice:
    """Choose among models with a free slot; the score is the expected seconds, errors included: less is better."""
    known = [state.latency_seconds for state in ask.candidates if state.latency_seconds is not None]
    usual = median(known) if known else 1.0
    scores = {}
    for state in ask.candidates:
        latency = usual if state.latency_seconds is None else state.latency_seconds
        penalty = 1 + options.error_penalty * state.error_rate
        scores[state.model.name] = latency * (state.depth + 1) * penalty
    if ask.random.random() < options.floor * len(scores):
        name = ask.random.choice(list(scores))
        return Choice((name,), f"its floor share of {options.floor:.0%}", scores)
    name = min(scores, key=lambda name: (scores[name], ask.random.random()))
    return Choice((name,), f"smallest latency x (depth + 1): {scores[name]:.2f} s", scores)


STRATEGY = Strategy("adaptive", choose, AdaptiveOptions)
