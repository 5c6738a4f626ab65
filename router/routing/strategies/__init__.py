"""Every way to choose a model: one pure file each."""

from .chain import Chain, Outcome
from .contract import NOTHING, Ask, Choice, NoOptions, Step, Strategy
from .registry import BUILT_IN, StrategySpec, build_steps, find_strategy, strategy_names

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
