"""Finds waiting jobs whose models or class are not in models.yaml any more, and where they may go instead. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..vocabulary.lanes import ALIAS, PIN, Lane
from .catalog import Catalog


@dataclass(frozen=True)
class Destination:
    """What jobs name from now on, a class or a model; with neither of them, what they named before."""

    task_class: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class Origin:
    """Which waiting jobs: those of a class, or those that name a model or an alias."""

    task_class: str | None = None
    model: str | None = None

    def has(self, lane: Lane) -> bool:
        """Whether the jobs of a lane are among them."""
        if self.task_class is not None:
            return lane.task_class == self.task_class
        return lane.work in (f"{PIN}{self.model}", f"{ALIAS}{self.model}")


def named_model(lane: Lane) -> str | None:
    """Return the model or alias that the jobs of a lane name, None where they have a class."""
    return None if lane.task_class else lane.work.removeprefix(PIN).removeprefix(ALIAS)


def is_stranded(lane: Lane, catalog: Catalog) -> bool:
    """Whether no model of the catalog can ever take the jobs of a lane."""
    return not any(name in catalog.models for name in lane.candidates)


def way_out(lane: Lane, catalog: Catalog) -> Destination | None:
    """Return where the catalog itself sends jobs now: by an alias, a class's former name, or its new models."""
    if lane.task_class:
        now = catalog.current_class(lane.task_class)
        if now not in catalog.task_classes:
            return None
        if now != lane.task_class:
            return Destination(task_class=now)
        return Destination() if is_stranded(lane, catalog) else None
    known = named_model(lane) in {**catalog.models, **catalog.aliases}
    return Destination() if known and is_stranded(lane, catalog) else None


def stranded_because(lane: Lane, catalog: Catalog) -> str | None:
    """Return in words why the jobs of a lane wait for nobody, and what to do; None where they do not."""
    if not is_stranded(lane, catalog) or way_out(lane, catalog):
        return None
    name, models = lane.task_class, ", ".join(lane.candidates)
    if not name:
        return gone_words(named_model(lane) or "")
    return (
        f"the class {name} and its models ({models}) are not in models.yaml any more: name it under `formerly` of "
        f"another class, or: pointsman move --from-class {name} --to-class CLASS"
    )


def gone_words(model: str) -> str:
    """Return in words that a model is gone, and what to do for the jobs that name it."""
    return (
        f"the model {model} is not in models.yaml any more: make its name an alias of another one, "
        f"or: pointsman move --from-model {model} --to-model MODEL"
    )
