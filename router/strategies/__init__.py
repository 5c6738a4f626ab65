"""Every way to choose a model: one pure function each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from ..model_state import ModelState
from .choice import Choice
from .least_connections import least_connections

Strategy = Callable[[Sequence[ModelState], Random], Choice]

STRATEGIES: Mapping[str, Strategy] = {"least_connections": least_connections}

__all__ = ["STRATEGIES", "Choice", "Strategy"]
