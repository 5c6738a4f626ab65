"""Every way to choose a model: one pure file each."""

from .chain import Chain, ChainOutcome
from .contract import NOTHING, Ask, Choice, NoOptions, Step, Strategy
from .registry import BUILT_IN, StrategySpec, build_steps, find_strategy, strategy_names

__all__ = [
    "BUILT_IN",
    "NOTHING",
    "Ask",
    "Chain",
    "ChainOutcome",
    "Choice",
    "NoOptions",
    "Step",
    "Strategy",
    "StrategySpec",
    "build_steps",
    "find_strategy",
    "strategy_names",
]
