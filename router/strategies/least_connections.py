"""least_connections: the smallest depth over capacity; among equals the fewest served, then random."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ..model_state import ModelState
from .choice import Choice


def least_connections(candidates: Sequence[ModelState], random: Random) -> Choice:
    """Choose among models that have a free slot; the score is the share of the capacity in use, 0 to 1."""
    scores = {state.model.name: state.depth / state.capacity for state in candidates}
    best = min(candidates, key=lambda state: (scores[state.model.name], state.served, random.random()))
    return Choice(best.model.name, scores, _reason(best, candidates))


def _reason(best: ModelState, candidates: Sequence[ModelState]) -> str:
    share = best.depth / best.capacity
    words = f"least loaded: {best.depth} of {best.capacity} slots taken"
    equals = [state for state in candidates if state.depth / state.capacity == share and state is not best]
    if not equals:
        return words
    if all(best.served < state.served for state in equals):
        return f"{words}; of {len(equals) + 1} equal ones it has served the fewest"
    return f"{words}; drawn from {len(equals) + 1} equal ones"
