"""Measures one routing decision: microseconds for each strategy at 3, 10 and 100 models.

    python benchmarks/decide.py

What is measured is `decide`, whole: health, free slots and limits of each candidate,
the strategy, the reasons in words. Reading Redis and binding are shared by hundreds of jobs and are not part of it.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from random import Random
from statistics import median

from pointsman.router.routing.catalog import Catalog
from pointsman.router.routing.decide import Chains, Moment, Waiting, decide
from pointsman.router.routing.model_state import ModelState
from pointsman.router.vocabulary.facts import JobFacts, affinity_of
from pointsman.router.vocabulary.lanes import Lane

COUNTS = (3, 10, 100)
DECISIONS, REPEATS = 2_000, 5
TARGET_US = 50.0
"""For every strategy at 10 models."""

RULES = [
    {"when": {"topic": "law"}, "use": ["m0"]},
    {"when": {"language": {"regex": "^de"}, "tokens": {"min": 100}}, "use": ["m1", "m2"]},
]
STRATEGIES: tuple[object, ...] = (
    "round_robin",
    {"name": "weighted_round_robin", "weights": {"m0": 5, "m1": 3}},
    "random",
    "least_connections",
    "adaptive",
    {"name": "model_aware", "metric": "speed"},
    "consistent_hash",
    {"name": "contextual", "rules": RULES},
    "performance",
    [{"name": "contextual", "rules": RULES}, "least_connections"],
)


def main() -> int:
    """Print a table; return 1 where the target is missed."""
    sys.stdout.write(f"{'strategy':34}" + "".join(f"{f'{count} models':>12}" for count in COUNTS) + "\n")
    slow = False
    for strategy in STRATEGIES:
        times = [microseconds(strategy, count) for count in COUNTS]
        slow |= times[COUNTS.index(10)] > TARGET_US
        sys.stdout.write(f"{name_of(strategy):34}" + "".join(f"{us:9.1f} us" for us in times) + "\n")
    return 1 if slow else 0


def name_of(strategy: object) -> str:
    """Return the name of a strategy as it stands in the table."""
    if isinstance(strategy, list):
        return " > ".join(map(name_of, strategy))
    return str(strategy["name"]) if isinstance(strategy, dict) else str(strategy)


def microseconds(strategy: object, count: int) -> float:
    """Return what one decision takes: the median of a few runs."""
    catalog = catalog_of(strategy, count)
    chains, random = Chains(catalog), Random(1)
    lane = Lane("work", "default", tuple(catalog.models))
    now = Moment({name: state_of(catalog, name, random) for name in catalog.models}, {}, random)
    context = {"language": "de-AT", "topic": "cooking"}
    jobs = [
        Waiting(
            f"job{at}", float(at), 600, lane, JobFacts(100, 500, affinity=affinity_of(str(at)), context=context)
        )
        for at in range(DECISIONS)
    ]
    return median(run(jobs, now, chains) for _ in range(REPEATS)) / DECISIONS * 1e6


def run(jobs: list[Waiting], now: Moment, chains: Chains) -> float:
    """Decide all jobs and return the seconds of CPU time that it took: other work on the machine counts little."""
    began = time.process_time()
    for job in jobs:
        decision = decide(job, now, chains)
        if decision.model:  # as after a bind: what was worked out for this model has to be worked out again
            now.states[decision.model] = replace(now.states[decision.model])
        if decision.cursor:
            now.cursors[decision.cursor[0]] = decision.cursor[1]
    return time.process_time() - began


def catalog_of(strategy: object, count: int) -> Catalog:
    """Return a catalog of so many models, with prices, profiles and measured quality."""
    names = [f"m{at}" for at in range(count)]
    model = {"format": "openai", "base_url": "http://x", "upstream": "x", "context_window": 100_000}
    price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 4.0}
    limits = {"requests_per_minute": 10_000, "tokens_per_minute": 10_000_000}
    models = {name: {**model, "price": price, "limits": limits, "profile": {"speed": 0.5}} for name in names}
    work = {"models": names, "strategy": strategy, "quality": {name: 0.5 for name in names[::2]}}
    return Catalog.model_validate({"models": models, "task_classes": {"work": work}, "default_class": "work"})


def state_of(catalog: Catalog, name: str, random: Random) -> ModelState:
    """Return a model in the middle of its work."""
    state = ModelState(
        model=catalog.models[name], announced=16, workers=2, bound=0, running=8, served=100, now=1_800_000_000_000
    )
    measured = {"latency_ms": 500 + 1000 * random.random(), "errors": 0.1, "errors_at": 1_799_999_990_000}
    return replace(state, running=random.randrange(16), requests_in_minute=50, **measured)


if __name__ == "__main__":
    sys.exit(main())
