"""Models and questions for the tests of strategies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from pointsman.router.routing.model_state import ModelState
from pointsman.router.routing.strategies import Ask, Step, StrategySpec, build_steps
from pointsman.router.vocabulary.facts import JobFacts, affinity_of
from pointsman.router.vocabulary.model import Model

RULES = [{"when": {"topic": "law"}, "use": ["m1"]}, {"when": {"tokens": {"min": 500}}, "use": ["m0", "m2"]}]

SPECS: Mapping[str, StrategySpec] = {
    "round_robin": StrategySpec(name="round_robin"),
    "weighted_round_robin": StrategySpec(name="weighted_round_robin", weights={"m0": 5, "m1": 1}),
    "random": StrategySpec(name="random"),
    "least_connections": StrategySpec(name="least_connections"),
    "adaptive": StrategySpec(name="adaptive"),
    "model_aware": StrategySpec(name="model_aware", metric="speed"),
    "consistent_hash": StrategySpec(name="consistent_hash"),
    "contextual": StrategySpec(name="contextual", rules=RULES),
    "performance": StrategySpec(name="performance", max_depth=50),
}
"""Each built-in strategy with options that work."""


def step(name: str, **options: Any) -> Step:
    """Return a strategy, with these options or those of SPECS."""
    spec = StrategySpec(name=name, **options) if options else SPECS[name]
    return build_steps([spec])[0]


def state(name: str = "m0", *, slots: int = 100, running: int = 0, **fields: Any) -> ModelState:
    """Return the state of a model whose workers announced so many slots."""
    of_model = {key: fields.pop(key) for key in ("price", "profile", "limits", "context_window") if key in fields}
    model = Model.model_validate(
        {"name": name, "format": "openai", "base_url": "http://x", "upstream": "x", **of_model}
    )
    known = {"announced": slots, "workers": 1, "bound": 0, "running": running, "served": 0, "now": 1_000_000}
    return ModelState(model=model, **{**known, **fields})


def states(count: int, **fields: Any) -> list[ModelState]:
    """Return so many models that are alike: m0, m1, ..."""
    return [state(f"m{at}", **fields) for at in range(count)]


def ask(candidates: Sequence[ModelState], *, seed: int = 1, key: str = "", cursor: str = "", **facts: Any) -> Ask:
    """Return a question about a job."""
    quality = facts.pop("quality", {})
    job = JobFacts(**{"input_tokens": 100, "output_tokens": 500, "affinity": affinity_of(key), **facts})
    return Ask(job, candidates, Random(seed), cursor, quality)
