"""Finds the lane of a job: the models that its caller or its class names, less those that can not do it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .catalog import Catalog
from .errors import ErrorKind
from .facts import JobFacts
from .filters import WINDOW, unfit_because
from .lanes import ALIAS, PIN, Lane


@dataclass(frozen=True)
class Placement:
    """The lane of a job, None where no model can ever do it; and why each of the others can not."""

    lane: Lane | None
    ruled_out: Mapping[str, str]

    @property
    def kind(self) -> ErrorKind:
        """How a job without a lane fails."""
        too_long = self.ruled_out and all(why.startswith(WINDOW) for why in self.ruled_out.values())
        return ErrorKind.CONTEXT_TOO_LONG if too_long else ErrorKind.INVALID_REQUEST

    @property
    def message(self) -> str:
        """Why a job without a lane fails, model by model."""
        return "no model can do this job: " + "; ".join(f"{name}: {why}" for name, why in self.ruled_out.items())


def place(
    catalog: Catalog, facts: JobFacts, *, task_class: str | None, named: str | None, tenant: str
) -> Placement:
    """Return where a job waits that names a class, a model or an alias."""
    work = work_of(catalog, task_class, named)
    route = catalog.route(work)
    ceiling = route.max_cost_usd if route else None
    names = catalog.candidates(task_class=task_class, named=named)
    ruled_out = unfit(catalog, names, facts, max_cost_usd=ceiling)
    fit = tuple(name for name in names if name not in ruled_out)
    return Placement(Lane(work, tenant, fit) if fit else None, ruled_out)


def unfit(catalog: Catalog, names: Iterable[str], facts: JobFacts, *, max_cost_usd: float | None) -> dict[str, str]:
    """Return why each of these models that can not do the job can not."""
    reasons = {name: unfit_because(catalog.models[name], facts, max_cost_usd=max_cost_usd) for name in names}
    return {name: why for name, why in reasons.items() if why is not None}


def work_of(catalog: Catalog, task_class: str | None, named: str | None) -> str:
    """Return what the lane of a job is called by: its class, an alias, or the model it is pinned to."""
    if named is None:
        return task_class or catalog.default_class
    if named in catalog.aliases:
        return task_class or ALIAS + named
    return PIN + named
