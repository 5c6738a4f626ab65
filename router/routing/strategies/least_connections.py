"""least_connections: the smallest depth over capacity; among equals the fewest served, then random."""

from __future__ import annotations

from .contract import Ask, Choice, NoOptions, Strategy


def choose(ask: Ask, options: NoOptions) -> Choice:
    """Choose among models that have a free slot; the score is the share of the capacity in use, 0 to 1."""
    random = ask.random.random
    ranked = [(state.depth / state.capacity, state.served, random(), at) for at, state in enumerate(ask.candidates)]
    best = min(ranked)
    state = ask.candidates[best[3]]
    scores = {ask.candidates[at].model.name: share for share, _, _, at in ranked}
    words = f"least loaded: {state.depth} of {state.capacity} slots taken"
    equals = [rank for rank in ranked if rank[0] == best[0] and rank is not best]
    if equals and all(best[1] < rank[1] for rank in equals):
        words += f"; of {len(equals) + 1} equal ones it has served the fewest"
    elif equals:
        words += f"; drawn from {len(equals) + 1} equal ones"
    return Choice((state.model.name,), words, scores)


STRATEGY = Strategy("least_connections", choose)
