"""weighted_round_robin: turns by weight, interleaved smoothly as nginx does (its commit 52327e0627f4).

Each turn every model gains its weight, the foremost takes the job and pays back the sum of all weights. Over one
cycle, which is as long as that sum, each model gets exactly its weight, and never two jobs in a row where that can
be helped.
"""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import Field

from ...vocabulary.frozen import Frozen
from .contract import Ask, Choice, Strategy


class WeightedRoundRobinOptions(Frozen):
    """`weights` are whole numbers by model; a model without one counts 1."""

    weights: dict[str, Annotated[int, Field(ge=1, le=10_000)]] = Field(default_factory=dict)


def choose(ask: Ask, options: WeightedRoundRobinOptions) -> Choice:
    """Choose the model that is the most behind its share; the cursor holds the current weights as JSON."""
    weights = {state.model.name: options.weights.get(state.model.name, 1) for state in ask.candidates}
    before: dict[str, int] = json.loads(ask.cursor) if ask.cursor else {}
    current = {name: before.get(name, 0) + weight for name, weight in weights.items()}
    name = max(current, key=current.__getitem__)
    scores = {key: float(value) for key, value in current.items()}
    total = sum(weights.values())
    current[name] -= total
    cursor = json.dumps({**before, **current}, separators=(",", ":"))
    return Choice((name,), f"its turn: weight {weights[name]} of {total}", scores, cursor=cursor)


STRATEGY = Strategy("weighted_round_robin", choose, WeightedRoundRobinOptions, static=True)
