"""Builds the strategies of each task class and alias, and those a job names, once each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .catalog import Catalog
from .facts import JobFacts
from .job import JobSpec
from .lanes import Lane
from .placement import work_of
from .strategies import Chain, StrategySpec, build_steps, strategy_names
from .strategies.spec import DEFAULT, Misspelt

NO_QUALITY: Mapping[str, float] = {}


class Chains:
    """The strategies of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._built: dict[tuple[str, tuple[str, ...]], Chain] = {}

    def chain(self, lane: Lane, facts: JobFacts) -> Chain:
        """Return the strategies the job names, with its class's options for them; else those of its class."""
        asked = (lane.work, facts.strategy)
        if asked not in self._built:
            self._built[asked] = Chain.of(build_steps(self._specs(*asked)))
        return self._built[asked]

    def quality(self, lane: Lane) -> Mapping[str, float]:
        """Return the measured quality of each model for the work of a lane."""
        route = self.catalog.route(lane.work)
        return route.quality if route else NO_QUALITY

    def _specs(self, work: str, names: tuple[str, ...]) -> tuple[StrategySpec, ...]:
        route = self.catalog.route(work)
        ours = route.strategy if route else DEFAULT
        known: dict[str, Any] = {spec.name: spec for spec in ours}
        return tuple(known.get(name) or StrategySpec(name=name) for name in names) or ours


def check_asked(catalog: Catalog, spec: JobSpec) -> None:
    """Raise ValueError where the strategies that a job names do not exist or can not stand in this row.

    A job may name those that its class names and those that need no dotted path, which would import anything.
    """
    lane = Lane(work_of(catalog, spec.task_class, spec.model), spec.tenant, ())
    route = catalog.route(lane.work)
    known = {*strategy_names(), *(one.name for one in (route.strategy if route else ()))}
    for name in spec.strategy:
        if name not in known:
            raise ValueError(f"no strategy is called {name!r} (there are: {', '.join(sorted(known))})")
    try:
        Chains(catalog).chain(lane, JobFacts(strategy=spec.strategy))
    except Misspelt as error:
        raise ValueError(error.mistake) from error
