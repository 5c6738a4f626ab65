"""Every way to choose a model: one pure file each."""

from .chain import Chain, Outcome
from .choice import NOTHING, Ask, Choice
from .registry import BUILT_IN, find_strategy, strategy_names
from .spec import StrategySpec, build_steps
from .strategy import NoOptions, Step, Strategy

__all__ = [
    "BUILT_IN",
    "NOTHING",
    "Ask",
    "Chain",
    "Choice",
    "NoOptions",
    "Outcome",
    "Step",
    "Strategy",
    "StrategySpec",
    "build_steps",
    "find_strategy",
    "strategy_names",
]
