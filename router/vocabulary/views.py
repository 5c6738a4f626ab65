"""What callers are shown of models, decisions and dead letters, and how they ask for them. Pure.

The clients and the API share it; it imports neither Redis nor what decides, so that a client is light.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field, field_validator

from .delivery import Delivery
from .errors import ErrorKind
from .frozen import Frozen
from .job import DEAD, JobRecord

LATEST = 253_402_300_799
"""The end of the year 9999 in Unix seconds: a later time is a mistake, such as nanoseconds."""

BreakerState = Literal["closed", "open", "half_open"]


class ModelView(Frozen):
    """One model at this moment. `waiting` counts pending jobs that may go to it, rates are of the last 60 seconds.

    `latency_seconds` is a moving average of whole calls, `first_token_seconds` of the time to the first words of
    streamed ones; `most_...` are the model's own limits.
    """

    name: str
    queue: str
    format: str
    upstream: str
    depth: int
    in_flight: int
    slots: int
    capacity: int
    workers: int
    waiting: int
    served: int
    succeeded: int
    errors: dict[str, int]
    latency_seconds: float | None
    first_token_seconds: float | None = None
    requests_last_minute: int
    tokens_last_minute: int
    cost_usd: float
    breaker: BreakerState
    status: str
    most_requests_per_minute: int | None = None
    most_tokens_per_minute: int | None = None


class KnownNames(Frozen):
    """What a job may name."""

    models: tuple[str, ...]
    aliases: tuple[str, ...]
    task_classes: tuple[str, ...]


class Candidate(Frozen):
    """One model that the job's caller or class names: its score, or why it was ruled out.

    `fits` says whether it can do the job at all, whatever its state is now.
    """

    model: str
    score: float | None = None
    ruled_out: str | None = None
    fits: bool = True
    depth: int
    capacity: int
    expected_wait_seconds: float
    expected_cost_usd: float | None = None


class Explanation(Frozen):
    """Where a job would go now. `outcome` is bind, wait or fail; `model` is the one bound to or waited for."""

    task_class: str | None = None
    classified_by: str
    tokens: int
    outcome: str
    model: str | None = None
    strategy: str
    reason: str
    expected_wait_seconds: float | None = None
    expected_cost_usd: float | None = None
    candidates: tuple[Candidate, ...]


class DeadFilter(Frozen):
    """Which dead letters: of these kinds (none: all), ended between two Unix times, and of this model and so on."""

    kind: tuple[ErrorKind, ...] = ()
    since: float | None = Field(default=None, ge=0, le=LATEST)
    until: float | None = Field(default=None, ge=0, le=LATEST)
    model: str | None = None
    task_class: str | None = None
    tenant: str | None = None

    @field_validator("kind", mode="before")
    @classmethod
    def _one_is_a_row(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def picks(self, record: JobRecord) -> bool:
        """Whether a job is one of those asked for, as far as the index of kinds cannot tell."""
        wanted = {"model": self.model, "task_class": self.task_class, "tenant": self.tenant}
        return record.state in DEAD and all(
            value is None or getattr(record, name) == value for name, value in wanted.items()
        )


@dataclass(frozen=True)
class DeadPage:
    """Some dead letters, the last to end first; `cursor` is the `until` of the next page, None at the end."""

    jobs: list[JobRecord]
    cursor: float | None


@dataclass(frozen=True)
class RetriedPage:
    """The jobs of one page that begin anew; `cursor` as of a DeadPage."""

    ids: list[str]
    cursor: float | None


@dataclass(frozen=True)
class DeliveryPage:
    """Some deliveries in one state, the last to end or to be due first; `cursor` is where the next page begins."""

    deliveries: list[Delivery]
    cursor: int | None
