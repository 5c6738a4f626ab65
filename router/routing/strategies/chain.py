"""Strategies in a row: each narrows what the next may choose from, the last decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .contract import Ask, Choice, Step

if TYPE_CHECKING:  # see choice.py
    from ..model_state import ModelState


@dataclass(frozen=True, slots=True)
class ChainOutcome:
    """What a chain came to.

    `model` is None for 'wait'; then `pool` are the models it may wait for. `choices` are those of each step, the
    last one's last.
    """

    model: str | None
    pool: tuple[str, ...]
    reason: str
    scores: Mapping[str, float]
    ruled_out: Mapping[str, str]
    cursor: str | None


@dataclass(frozen=True)
class Chain:
    """The strategies of a task class, or those a job names."""

    steps: tuple[Step, ...]
    name: str

    @classmethod
    def of(cls, steps: tuple[Step, ...]) -> Chain:
        """Put steps in a row."""
        return cls(steps, " > ".join(step.strategy.name for step in steps))

    def choose(self, ask: Ask, full: Mapping[str, str]) -> ChainOutcome:
        """Ask each strategy in turn; `full` says why a healthy candidate has no free slot now."""
        pool: Sequence[ModelState] = ask.candidates
        reasons: list[str] = []
        ruled_out: dict[str, str] = {}
        choice = Choice((), "")
        for step in self.steps:
            considered = pool if step.strategy.static else [state for state in pool if state.model.name not in full]
            if not considered:
                return _wait(pool, reasons, ruled_out)
            choice = step.choose(Ask(ask.job, considered, ask.random, ask.cursor, ask.quality))
            reasons.append(choice.reason)
            ruled_out.update(choice.ruled_out)
            if not choice.models:
                return _wait(pool, reasons, ruled_out)
            if step is not self.steps[-1]:
                pool = [state for state in pool if state.model.name in choice.models]
        reason = "; ".join(reasons)
        return ChainOutcome(choice.models[0], choice.models[:1], reason, choice.scores, ruled_out, choice.cursor)


def _wait(pool: Sequence[ModelState], reasons: list[str], ruled_out: Mapping[str, str]) -> ChainOutcome:
    names = tuple(state.model.name for state in pool)
    return ChainOutcome(None, names, "; ".join([*reasons, "no candidate can take it now"]), {}, ruled_out, None)
