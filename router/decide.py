"""Decides which model a job goes to: pure, from facts that the caller brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from .lanes import Lane
from .model_state import ModelState
from .strategies import STRATEGIES


@dataclass(frozen=True)
class Waiting:
    """A job at the head of a lane: what deciding needs to know of it. `place` orders it among all lanes."""

    id: str
    place: float
    tokens: int
    lane: Lane


@dataclass(frozen=True)
class Decision:
    """Which model, or None for 'wait'; why; the candidates' scores; and why others were ruled out."""

    model: str | None
    strategy: str
    reason: str
    scores: Mapping[str, float] = field(default_factory=dict)
    ruled_out: Mapping[str, str] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return the decision as the JSON-ready record that is kept with the job."""
        return {
            "model": self.model,
            "strategy": self.strategy,
            "reason": self.reason,
            "scores": {name: round(score, 4) for name, score in self.scores.items()},
            "ruled_out": dict(self.ruled_out),
        }


def decide(job: Waiting, states: Mapping[str, ModelState], *, strategy: str, random: Random) -> Decision:
    """Choose among the job's candidates that can take it now."""
    ruled_out: dict[str, str] = {}
    able: list[ModelState] = []
    for name in job.lane.candidates:
        state = states.get(name)
        why = "not in this dispatcher's configuration" if state is None else state.closed_because(job.tokens)
        if why is None and state is not None:
            able.append(state)
        else:
            ruled_out[name] = why or ""
    if not able:
        return Decision(None, strategy, "no candidate can take it now", ruled_out=ruled_out)
    if job.lane.pinned:
        return Decision(able[0].model.name, "pinned", "pinned by its caller")
    choice = STRATEGIES[strategy](able, random)
    return Decision(choice.model, strategy, choice.reason, choice.scores, ruled_out)
