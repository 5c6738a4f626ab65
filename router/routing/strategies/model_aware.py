"""model_aware: the highest profile value of the metric that matters to the job; among equals the least loaded."""

from __future__ import annotations

from statistics import fmean

from pydantic import Field

from ...vocabulary.facts import Metric
from ...vocabulary.frozen import Frozen
from .contract import Ask, Choice, Strategy


class ModelAwareOptions(Frozen):
    """`metric` is that of jobs which name none; models not more than `within` below the best are as good."""

    metric: Metric = "accuracy"
    within: float = Field(default=0.0, ge=0, le=1)


def choose(ask: Ask, options: ModelAwareOptions) -> Choice:
    """Choose among models with a free slot; one without the value in its profile counts as the mean of the rest."""
    metric = ask.job.metric or options.metric
    known = {state.model.name: state.model.profile.get(metric) for state in ask.candidates}
    usual = fmean([value for value in known.values() if value is not None] or [0.5])
    scores = {name: usual if value is None else value for name, value in known.items()}
    best = max(scores.values())
    good = sorted(
        (-scores[name], known[name] is None, state.depth / state.capacity, name)
        for name, state in zip(scores, ask.candidates, strict=True)
        if scores[name] >= best - options.within
    )
    words = f"highest {metric}: {best:g}"
    if options.within:
        words += f", {len(good)} within {options.within:g}"
    return Choice(tuple(name for *_, name in good), words, scores)


STRATEGY = Strategy("model_aware", choose, ModelAwareOptions, narrows=True)
