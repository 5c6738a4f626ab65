"""What makes a function a strategy: its name, its options, and what it has to see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from ...vocabulary.facts import JobFacts
from ...vocabulary.frozen import Frozen

if TYPE_CHECKING:  # the catalog checks strategies' options, and the state of a model knows the catalog
    from ..model_state import ModelState


NO_QUALITY: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class Ask:
    """One question: which of `candidates` takes the job?

    The candidates are in the configuration's order: for a static strategy all healthy ones, for the others those
    with a free slot. `cursor` is the strategy's own memory, shared by all dispatchers, empty at first; `quality` is
    the task class's measured quality of each model.
    """

    job: JobFacts
    candidates: Sequence[ModelState]
    random: Random
    cursor: str = ""
    quality: Mapping[str, float] = field(default_factory=lambda: NO_QUALITY)


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen model, or several in order where the strategy narrows; why; and each candidate's score.

    No model at all means: wait. `ruled_out` says why a candidate was not considered, `cursor` is the new memory.
    """

    models: tuple[str, ...]
    reason: str
    scores: Mapping[str, float] = field(default_factory=dict)
    ruled_out: Mapping[str, str] = field(default_factory=dict)
    cursor: str | None = None


NOTHING = Choice((), "there is no candidate")


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
