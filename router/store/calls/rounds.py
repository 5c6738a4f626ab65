"""The calls of the dispatcher's scripts, and the operator's: read a round, bind, look after what is late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Json

from ...vocabulary.errors import ErrorKind
from .contract import Call, in_turn


@dataclass(frozen=True, kw_only=True)
class LaneRow:
    """A lane: how many wait in it, and of each of its first jobs what the fields say."""

    name: str
    waiting: int
    ids: list[str]
    positions: list[float]
    facts: list[str]
    failed_by: list[str]


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """The state of a model; times in milliseconds, 0 for never, None for what is not known."""

    slots: int
    workers: int
    reads: int | None = None
    bound: int
    running: int
    served: int = 0
    cooled_until: float = 0
    paused: str = ""
    down: str = ""
    suspect: str = ""
    probe_at: float = 0
    requests: int
    tokens: int = 0
    oldest_leaves: float = 0
    paced_requests: float = 0
    paced_tokens: float = 0
    paced_at: float = 0
    latency_ms: float | None = None
    latency_at: float = 0
    ms_per_token: float | None = None
    error_rate: float = 0
    error_at: float = 0
    breaker: Literal["closed", "open", "half_open"]
    open_until: float
    breaker_why: str
    probes: int
    requests_left: int | None = None
    requests_left_until: float
    tokens_left: int | None = None
    tokens_left_until: float


@dataclass(frozen=True, kw_only=True)
class RoundAnswer:
    """What one round needs to know."""

    now: int
    intake: int
    next_due: float | None
    lanes: list[Annotated[LaneRow, BeforeValidator(in_turn)]]
    more_lanes: bool
    models: Json[dict[str, ModelRow]]
    cursors: Annotated[dict[str, str], BeforeValidator(in_turn)]


@dataclass(frozen=True, kw_only=True)
class RoundModel:
    """A model to look at; one that is not guarded never becomes suspect."""

    name: str
    guarded: bool


@dataclass(frozen=True, kw_only=True)
class ReadRound(Call[RoundAnswer]):
    """Reads what one round needs."""

    now: int | None = None
    expected: int | None = None
    heads: int
    skip_lanes: int
    window: float
    models: Sequence[RoundModel]


@dataclass(frozen=True, kw_only=True)
class BindingModel:
    """A model that jobs are bound to; a limit of 0 is none."""

    name: str
    concurrency: int
    requests_per_minute: int
    tokens_per_minute: int
    smooth: bool
    probes: int
    template: str


@dataclass(frozen=True, kw_only=True)
class CursorChange:
    """What a strategy remembers: the value that the round started from, and the new one."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class BindingJob:
    """A job to bind to `model`, or to move to the lane `to`; without a decision it keeps the one it has."""

    id: str
    lane: str
    model: str | None = None
    tokens: float | None = None
    decision: str | None = None
    cursor: str | None = None
    to: str | None = None


@dataclass(frozen=True, kw_only=True)
class BindJobs(Call[list[str]]):
    """Gives jobs to models."""

    now: int | None = None
    expected: int | None = None
    token: str
    dead_ms: int
    release_ms: int
    window: float
    models: Sequence[BindingModel]
    cursors: Sequence[CursorChange]
    jobs: Sequence[BindingJob]


@dataclass(frozen=True, kw_only=True)
class ClassifiedJob:
    """A job that leaves intake for a lane; `step` is what decided."""

    id: str
    task_class: str
    lane: str
    step: str


@dataclass(frozen=True, kw_only=True)
class ClassifyJobs(Call[int]):
    """Moves jobs from intake to their lanes."""

    now: int | None = None
    dead_ms: int
    jobs: Sequence[ClassifiedJob]


@dataclass(frozen=True, kw_only=True)
class RejectedJob:
    """A job of intake that no model can do."""

    id: str
    task_class: str
    kind: ErrorKind
    message: str


@dataclass(frozen=True, kw_only=True)
class RejectJobs(Call[int]):
    """Ends jobs that no model can do."""

    now: int | None = None
    dead_ms: int
    jobs: Sequence[RejectedJob]


@dataclass(frozen=True, kw_only=True)
class Released:
    """How many bindings were given back, and how many may wait longer."""

    released: int
    moved_on: int


@dataclass(frozen=True, kw_only=True)
class ReleaseDue(Call[Released]):
    """Gives unclaimed bindings back: those past their deadline, or all."""

    now: int | None = None
    expected: int | None = None
    model: str
    all_of_them: bool
    release_ms: int
    most: int
    unclaimed_that_cool: int
    cool_ms: int
    dead_ms: int


@dataclass(frozen=True, kw_only=True)
class Reaped:
    """How many jobs were given back, and how many ended."""

    back: int
    ended: int


@dataclass(frozen=True, kw_only=True)
class ReapLeases(Call[Reaped]):
    """Takes jobs from workers that are gone."""

    now: int | None = None
    expected: int | None = None
    lease_ms: int
    max_losses: int
    dead_ms: int
    most: int
    models: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class ExpireJobs(Call[int]):
    """Ends jobs whose deadline has passed."""

    now: int | None = None
    expected: int | None = None
    most: int
    dead_ms: int


@dataclass(frozen=True, kw_only=True)
class PromoteJobs(Call[int]):
    """Puts delayed jobs back."""

    now: int | None = None
    expected: int | None = None
    most: int
    dead_ms: int


@dataclass(frozen=True, kw_only=True)
class PruneJobs(Call[int]):
    """Forgets jobs whose record has expired."""

    now: int | None = None
    expected: int | None = None
    most: int
    dead_ms: int
    kinds: Sequence[ErrorKind]


@dataclass(frozen=True, kw_only=True)
class AnnounceDispatcher(Call[int]):
    """Says that a dispatcher lives."""

    now: int | None = None
    expected: int | None = None
    dispatcher: str
    presence_ms: int


@dataclass(frozen=True, kw_only=True)
class PauseModel(Call[int]):
    """Pauses a model, or resumes it where there is no reason."""

    model: str
    reason: str | None = None
