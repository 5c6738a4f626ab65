"""consistent_hash: a ring with many points for each model; a job goes to the next point clockwise of its key.

The load of a model is bounded at `bound` times its even share, as in Mirrokni, Thorup, Zadimoghaddam, "Consistent
Hashing with Bounded Loads" (2017): a key whose model is at its bound goes on clockwise to the next one that is not.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from math import ceil
from typing import Any

from pydantic import Field

from ...vocabulary.facts import affinity_of
from ...vocabulary.frozen import Frozen
from .contract import Ask, Choice, Strategy


class ConsistentHashOptions(Frozen):
    """`points` are those of each model on the ring, `bound` how many times its even share a model may hold."""

    points: int = Field(default=160, ge=1, le=10_000)
    bound: float = Field(default=1.25, ge=1.0, le=100)


Ring = tuple[list[int], list[str]]


@lru_cache(maxsize=256)
def ring(names: tuple[str, ...], points: int) -> Ring:
    """Return the places of all points in order, and the model of each."""
    marks = sorted((affinity_of(f"{name}#{point}"), name) for name in names for point in range(points))
    return [position for position, _ in marks], [name for _, name in marks]


def choose(ask: Ask, options: ConsistentHashOptions) -> Choice:
    """Choose the first model clockwise of the job's key that is below its bound; the score is the model's load."""
    load = {state.model.name: state.load for state in ask.candidates}
    most = ceil(options.bound * (sum(load.values()) + 1) / len(load))
    positions, names = ring(tuple(sorted(load)), options.points)
    start = bisect_left(positions, ask.job.affinity)
    full: dict[str, Any] = {}
    for step in range(len(names)):
        name = names[(start + step) % len(names)]
        if load[name] < most:
            return Choice((name,), _reason(name, full, most), {key: float(value) for key, value in load.items()})
        full[name] = True
    raise AssertionError("the least loaded model is always below the bound")


def _reason(name: str, full: dict[str, Any], most: int) -> str:
    if not full:
        return "the key's own place on the ring"
    return f"next on the ring: {', '.join(full)} at the bound of {most} jobs"


STRATEGY = Strategy("consistent_hash", choose, ConsistentHashOptions, static=True)
