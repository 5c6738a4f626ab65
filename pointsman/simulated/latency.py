"""How long a simulated answer takes."""

from __future__ import annotations

import random

from .settings import SimulatedModel


def latency_seconds(model: SimulatedModel, output_tokens: int, chance: random.Random) -> float:
    """Return base time plus generation time, spread evenly by the model's jitter."""
    exact = model.base_seconds + output_tokens / model.tokens_per_second
    return exact * (1 + model.jitter * chance.uniform(-1, 1))
