"""What makes a function a strategy: its name, its options, and what it has to see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..chat import Frozen
from .choice import NOTHING, Ask, Choice


class NoOptions(Frozen):
    """The options of a strategy that has none."""


@dataclass(frozen=True)
class Strategy:
    """One way to choose a model.

    `choose` is pure: the same question, options and seed give the same choice. `static` strategies see all healthy
    candidates, full or not, and their jobs wait for the chosen one; the others see those with a free slot.
    `narrows` ones may stand before another: they may leave several models for the next to choose from.
    """

    name: str
    choose: Callable[[Ask, Any], Choice]
    options: type[Frozen] = NoOptions
    static: bool = False
    narrows: bool = False


@dataclass(frozen=True)
class Step:
    """A strategy with its options."""

    strategy: Strategy
    options: Frozen

    def choose(self, ask: Ask) -> Choice:
        """Ask the strategy; without a candidate there is nothing to choose."""
        return self.strategy.choose(ask, self.options) if ask.candidates else NOTHING
