"""What a run is expected to take, worked out from a sample of its lines and the state of the models. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pointsman.router.vocabulary.views import Candidate, Explanation, ModelView

MINUTE_SECONDS = 60.0
IN_TURN = frozenset({"round_robin", "weighted_round_robin", "random"})
FIXED = frozenset({"consistent_hash"})
NO_MODEL = "-"
"""Where lines stand that no model can do."""


@dataclass(frozen=True)
class Totals:
    """What all lines have in common: their number, estimated tokens, and what is wrong with some."""

    jobs: int
    bad: int
    input_tokens: int
    output_tokens: int
    mistakes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelEstimate:
    """What one model is expected to do; `seconds` is None where nobody knows how fast it is."""

    jobs: int
    cost_usd: float | None
    seconds: float | None


@dataclass(frozen=True)
class Estimate:
    """What a run is expected to take; counts of classes and models are those of `looked_at` lines, scaled up.

    `why_unknown` says why `seconds` is None.
    """

    totals: Totals
    looked_at: int
    task_classes: Mapping[str, int]
    models: Mapping[str, ModelEstimate]
    cost_usd: float | None
    seconds: float | None
    why_unknown: str = ""


def estimate(totals: Totals, sample: Sequence[Explanation], views: Sequence[ModelView]) -> Estimate:
    """Spread the sample over the models as the dispatcher is expected to, and scale it up to all lines."""
    scale = totals.jobs / len(sample) if sample else 0.0
    loads = {view.name: _Load(view, scale) for view in views}
    without_model = 0
    for line in sample:
        chosen = _chosen(line, loads)
        if chosen is None:
            without_model += 1
        else:
            loads[chosen.model].take(line, chosen)
    models = {name: load.estimate for name, load in loads.items() if load.jobs}
    if without_model:
        models[NO_MODEL] = ModelEstimate(round(without_model * scale), 0.0, 0.0)
    unknown = [name for name, model in models.items() if model.seconds is None]
    costs = [model.cost_usd for model in models.values()]
    return Estimate(
        totals=totals,
        looked_at=len(sample),
        task_classes=_scaled(Counter(line.task_class or "pinned" for line in sample), scale),
        models=models,
        cost_usd=None if None in costs else sum(cost for cost in costs if cost is not None),
        seconds=None if unknown else max((model.seconds or 0.0 for model in models.values()), default=0.0),
        why_unknown=f"no call of {', '.join(unknown)} has ended yet, or it has no worker" if unknown else "",
    )


def _scaled(counts: Counter[str], scale: float) -> dict[str, int]:
    return {name: round(count * scale) for name, count in counts.most_common()}


@dataclass
class _Load:
    """What one model gets of the sample: `busy` is how long it takes for that, at its usual pace."""

    view: ModelView
    scale: float
    jobs: int = 0
    busy: float = 0.0
    cost_usd: float | None = field(default=0.0)

    @property
    def away(self) -> bool:
        """Whether nobody should wait for the model."""
        return not self.view.capacity or self.view.status.startswith(("down:", "paused:", "breaker open"))

    @property
    def free(self) -> bool:
        """Whether it has a slot for one more of the first lines."""
        return (self.jobs + 1) * self.scale <= self.view.capacity

    def seconds(self, tokens: int) -> float:
        """Return how long one job keeps the model from taking others: by its slots, or by a limit per minute."""
        view = self.view
        by_slots = (view.latency_seconds or 1.0) / max(1, view.capacity)
        by_requests = MINUTE_SECONDS / view.most_requests_per_minute if view.most_requests_per_minute else 0.0
        by_tokens = MINUTE_SECONDS * tokens / view.most_tokens_per_minute if view.most_tokens_per_minute else 0.0
        return max(by_slots, by_requests, by_tokens)

    def take(self, line: Explanation, chosen: Candidate) -> None:
        """Count one line."""
        self.jobs += 1
        self.busy += self.seconds(line.tokens)
        cost = chosen.expected_cost_usd
        self.cost_usd = None if cost is None or self.cost_usd is None else self.cost_usd + cost

    @property
    def estimate(self) -> ModelEstimate:
        """What comes of it for all lines."""
        cost = None if self.cost_usd is None else self.cost_usd * self.scale
        latency = None if self.away else self.view.latency_seconds
        seconds = None if latency is None else max(latency, self.busy * self.scale)
        return ModelEstimate(round(self.jobs * self.scale), cost, seconds)


def _chosen(line: Explanation, loads: Mapping[str, _Load]) -> Candidate | None:
    """Return where a line goes: as decided while that model has a slot, then where one is free first."""
    fit = [candidate for candidate in line.candidates if candidate.fits and candidate.model in loads]
    there = [candidate for candidate in fit if _gets_lines(candidate, loads[candidate.model])] or fit
    last = line.strategy.rsplit(" > ", 1)[-1]
    decided = next((candidate for candidate in there if candidate.model == line.model), None)
    if decided is not None and (last in FIXED or (last not in IN_TURN and loads[decided.model].free)):
        return decided
    if last in IN_TURN:
        return min(there, key=lambda candidate: loads[candidate.model].jobs, default=None)
    return min(there, key=lambda one: loads[one.model].busy + loads[one.model].seconds(line.tokens), default=None)


def _gets_lines(candidate: Candidate, load: _Load) -> bool:
    """Whether a candidate gets some of the lines: one that is only full now does, one that a rule left out not."""
    return not load.away and (candidate.ruled_out is None or load.view.status != "open")
