"""Lanes: where jobs wait, one per (task class or pinned model) x tenant x candidate set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

PIN = "@"
"""Marks a lane of jobs that their caller pinned to one model."""


@dataclass(frozen=True)
class Lane:
    """One lane. `work` is a task class, or `@model` for pinned jobs; `candidates` are in order of preference.

    The candidates stand in the lane's own name, so that processes with different configurations can not
    mean different things by the same lane.
    """

    work: str
    tenant: str
    candidates: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.work}|{self.tenant}|{','.join(self.candidates)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a lane's name back; raises ValueError when it is none."""
        work, tenant, candidates = text.split("|")
        return cls(work, tenant, tuple(candidates.split(",")) if candidates else ())

    @property
    def pinned(self) -> bool:
        """Whether the jobs of this lane may go to one model only, by their caller's wish."""
        return self.work.startswith(PIN)

    def without(self, model: str) -> Self:
        """Return the lane of the same work whose candidates do not include `model`."""
        return type(self)(self.work, self.tenant, tuple(name for name in self.candidates if name != model))


def lane_for(
    *, task_class: str | None, pinned: str | None, tenant: str, candidates: tuple[str, ...]
) -> Lane | None:
    """Return the lane of a job, or None for a job without a class: it waits in intake until it is classified."""
    if pinned is not None:
        return Lane(PIN + pinned, tenant, candidates)
    if task_class is None:
        return None
    return Lane(task_class, tenant, candidates)
