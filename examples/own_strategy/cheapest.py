"""cheapest: the lowest expected price, as long as the model is not too busy."""

from __future__ import annotations

from pydantic import Field

from pointsman.router.routing.fit import expected_cost_usd
from pointsman.router.routing.strategies import Ask, Choice, Strategy
from pointsman.router.vocabulary.frozen import Frozen


class Options(Frozen):
    """A model of which more than `busy_above` of the slots are taken is only a second choice."""

    busy_above: float = Field(default=0.8, ge=0, le=1)


def choose(ask: Ask, options: Options) -> Choice:
    """Choose among models with a free slot; one without a price counts as free of charge."""
    scores = {state.model.name: expected_cost_usd(state.model.price, ask.job) or 0.0 for state in ask.candidates}
    busy = {state.model.name: state.depth / state.capacity > options.busy_above for state in ask.candidates}
    name = min(scores, key=lambda name: (busy[name], scores[name], ask.random.random()))
    words = "all are busy; the cheapest" if busy[name] else "cheapest of those that are not busy"
    return Choice((name,), f"{words}: ${scores[name]:.6f}", scores)


CHEAPEST = Strategy("cheapest", choose, Options)
