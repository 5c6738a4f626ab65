"""Lanes: where jobs wait, one per (task class or pinned model) x tenant x candidate set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

PIN = "@"
"""Marks a lane of jobs that their caller pinned to one model."""

ALIAS = "~"
"""Marks a lane of jobs that name an alias and no task class."""


@dataclass(frozen=True)
class Lane:
    """One lane. `work` is a task class, or `@model` for pinned jobs; `candidates` are in order of preference.

    The candidates stand in the lane's own name, so that processes with different configurations cannot
    mean different things by the same lane. Where a strategy has chosen among them already, `chosen` are the
    models these jobs wait for; one model there makes it that model's own lane.
    """

    work: str
    tenant: str
    candidates: tuple[str, ...]
    chosen: tuple[str, ...] = ()

    def __str__(self) -> str:
        chosen = f"|{','.join(self.chosen)}" if self.chosen else ""
        return f"{self.work}|{self.tenant}|{','.join(self.candidates)}{chosen}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a lane's name back; raises ValueError when it is none."""
        work, tenant, candidates, chosen = _parts(text)
        return cls(work, tenant, candidates, chosen)

    @property
    def pinned(self) -> bool:
        """Whether the jobs of this lane may go to one model only, by their caller's wish."""
        return self.work.startswith(PIN)

    @property
    def task_class(self) -> str:
        """The task class of these jobs, empty where their caller named models alone."""
        return "" if self.work.startswith((PIN, ALIAS)) else self.work

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The models that the jobs of this lane wait for."""
        return self.chosen or self.candidates

    @property
    def only(self) -> str:
        """The one model that will do for the jobs of this lane, empty where there are several."""
        return self.waits_for[0] if len(self.waits_for) == 1 else ""

    def open(self) -> Self:
        """Return the lane in which nothing is chosen yet."""
        return type(self)(self.work, self.tenant, self.candidates)

    def choosing(self, chosen: tuple[str, ...]) -> Self:
        """Return the lane of jobs for which a strategy has chosen."""
        return type(self)(self.work, self.tenant, self.candidates, chosen)

    def without(self, model: str) -> Self:
        """Return the open lane of the same work whose candidates do not include `model`."""
        return type(self)(self.work, self.tenant, tuple(name for name in self.candidates if name != model))


@lru_cache(maxsize=8192)
def _parts(text: str) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """Return work, tenant, candidates and chosen of a lane's name; kept, since every round reads the same lanes."""
    work, tenant, candidates, *chosen = text.split("|")
    if len(chosen) > 1 or chosen == [""]:
        raise ValueError(f"{text[:200]!r} is no lane")
    return work, tenant, split_names(candidates), split_names(chosen[0]) if chosen else ()


def split_names(text: str) -> tuple[str, ...]:
    """Return the names of models in a text, where commas stand between them."""
    return tuple(text.split(",")) if text else ()
