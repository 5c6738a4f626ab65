"""The calls of the scripts that put single jobs aside: those that cause errors, and those nobody can read yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .contract import Call


@dataclass(frozen=True, kw_only=True)
class FaultyJob:
    """A job that caused an error: where it waits ('' for intake), or under which binding it is held."""

    id: str
    message: str
    lane: str | None = None
    binding: int | None = None
    for_good: bool


@dataclass(frozen=True, kw_only=True)
class FaultJobs(Call[list[Literal["gone", "delayed", "quarantined"]]]):
    """Counts a fault of jobs and puts them aside."""

    now: int | None = None
    dead_ms: int
    jobs: Sequence[FaultyJob]


@dataclass(frozen=True, kw_only=True)
class LaterJob:
    """A job that nobody can read yet: where it waits, or under which binding it is held."""

    id: str
    why: str
    lane: str | None = None
    binding: int | None = None
    decision: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeferJobs(Call[list[bool]]):
    """Lets jobs wait for workers that can read them."""

    now: int | None = None
    dead_ms: int
    jobs: Sequence[LaterJob]
