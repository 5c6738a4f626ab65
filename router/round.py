"""What one dispatcher round sees and what it wants bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .decide import Decision, Waiting
from .facts import JobFacts
from .model_state import ModelState


@dataclass(frozen=True)
class LaneHead:
    """The first jobs of one lane, in order; `more` says that others wait behind them."""

    jobs: tuple[Waiting, ...]
    more: bool


@dataclass(frozen=True)
class Round:
    """What one dispatcher round sees; `now` and `next_due` are milliseconds of Redis's clock.

    `cursors` is what the strategies remember, by task class and strategy.
    """

    now: int
    intake: int
    next_due: int | None
    lanes: tuple[LaneHead, ...]
    states: Mapping[str, ModelState]
    cursors: Mapping[str, str] = field(default_factory=dict)
    more_lanes: bool = False


@dataclass(frozen=True)
class Bind:
    """One job to be bound to the model its decision names, or moved to the lane it names."""

    job: Waiting
    decision: Decision


@dataclass(frozen=True)
class Unplaced:
    """A job of intake: one without a class, or one for which the models its caller named will never do."""

    id: str
    tenant: str
    payload: dict[str, Any]
    facts: JobFacts
    task_class: str | None
    named: str | None
