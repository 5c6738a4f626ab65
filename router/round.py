"""What one dispatcher round sees and what it wants bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .decide import Decision, Waiting
from .model_state import ModelState


@dataclass(frozen=True)
class LaneHead:
    """The first jobs of one lane, in order; `more` says that others wait behind them."""

    jobs: tuple[Waiting, ...]
    more: bool


@dataclass(frozen=True)
class Round:
    """What one dispatcher round sees; `now` and `next_due` are milliseconds of Redis's clock."""

    now: int
    intake: int
    next_due: int | None
    lanes: tuple[LaneHead, ...]
    states: Mapping[str, ModelState]
    more_lanes: bool = False


@dataclass(frozen=True)
class Bind:
    """One job to be bound to the model its decision names."""

    job: Waiting
    decision: Decision
