"""A burst of jobs bound late, as measured, beside the same jobs bound at submit, as computed. Pure."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from pointsman.router.vocabulary.job import JobRecord


@dataclass(frozen=True)
class Spell:
    """How long a burst took: until its last job was done, and in the mean for one job."""

    last_seconds: float
    mean_seconds: float


def measured(records: Sequence[JobRecord]) -> Spell:
    """Return the times of jobs that came together, from the first one's submit."""
    began = min(record.submitted for record in records)
    ends = [(record.finished or began) - began for record in records]
    return Spell(max(ends), mean(ends))


def call_seconds(records: Sequence[JobRecord]) -> dict[str, float]:
    """Return the mean seconds of an answered call at each model that answered one."""
    taken: defaultdict[str, list[float]] = defaultdict(list)
    for record in records:
        for attempt in record.history:
            if attempt.kind is None and attempt.ended is not None:
                taken[attempt.model].append(attempt.ended - attempt.started)
    return {model: mean(seconds) for model, seconds in taken.items()}


def bound_at_submit(
    candidates: Sequence[Sequence[str]], *, slots: Mapping[str, int], seconds: Mapping[str, float]
) -> Spell:
    """Compute the times of jobs that are bound as they come, each to the candidate with the fewest jobs per slot.

    `candidates` has the models that each job may go to. A model works its jobs off in turn, as many at once as it
    has `slots`, each call in its mean `seconds`. Nothing knows at submit that a model is about to be slow.
    """
    queued: dict[str, int] = dict.fromkeys(slots, 0)
    free_at = {model: [0.0] * count for model, count in slots.items()}
    ends = []
    for models in candidates:
        model = min(models, key=lambda name: queued[name] / slots[name])
        queued[model] += 1
        end = heapq.heappop(free_at[model]) + seconds[model]
        heapq.heappush(free_at[model], end)
        ends.append(end)
    return Spell(max(ends), mean(ends))
