"""Decides which model a job goes to: pure, from facts that the caller brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from ..vocabulary.facts import JobFacts
from ..vocabulary.job import JobSpec
from ..vocabulary.lanes import Lane
from .catalog import Catalog
from .fit import expected_cost_usd, unfit_because
from .model_state import ModelState
from .placement import work_of
from .preference import due_probe, not_failed, passed_over, suspicion_words, trusted
from .strategies import Ask, Chain, ChainOutcome, StrategySpec, build_steps, strategy_names
from .strategies.registry import DEFAULT, StrategyMistake

NO_QUALITY: Mapping[str, float] = {}


class Chains:
    """The strategies of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._built: dict[tuple[str, tuple[str, ...]], Chain] = {}

    def chain(self, lane: Lane, facts: JobFacts) -> Chain:
        """Return the strategies the job names, with its class's options for them; else those of its class."""
        key = (lane.work, facts.strategy)
        if key not in self._built:
            self._built[key] = Chain.of(build_steps(self._specs(*key)))
        return self._built[key]

    def quality(self, lane: Lane) -> Mapping[str, float]:
        """Return the measured quality of each model for the work of a lane."""
        route = self.catalog.route(lane.work)
        return route.quality if route else NO_QUALITY

    def _specs(self, work: str, names: tuple[str, ...]) -> tuple[StrategySpec, ...]:
        route = self.catalog.route(work)
        ours = route.strategy if route else DEFAULT
        known: dict[str, Any] = {spec.name: spec for spec in ours}
        return tuple(known.get(name) or StrategySpec(name=name) for name in names) or ours


def check_strategies(catalog: Catalog, spec: JobSpec) -> None:
    """Raise ValueError where the strategies that a job names do not exist or cannot stand in this row.

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
    except StrategyMistake as error:
        raise ValueError(error.mistake) from error


@dataclass(frozen=True)
class Waiting:
    """A job at the head of a lane: what deciding needs to know of it. `position` orders it among all lanes.

    `failed_by` are the models that failed it by their own fault, the last one last.
    """

    id: str
    position: float
    tokens: int
    lane: Lane
    facts: JobFacts = field(default_factory=JobFacts)
    failed_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """Which model, or None for 'wait'; why; the candidates' scores; and why others were ruled out.

    With `lane` the job moves to that lane and waits there. `cursor` is the name and the new value of a memory that
    the dispatchers share. `kept` says that the decision stands already with the job.
    """

    model: str | None
    strategy: str
    reason: str
    scores: Mapping[str, float] = field(default_factory=dict)
    ruled_out: Mapping[str, str] = field(default_factory=dict)
    lane: Lane | None = None
    cursor: tuple[str, str] | None = None
    kept: bool = False
    wait_seconds: float = 0.0
    cost_usd: float | None = None

    def record(self) -> dict[str, Any]:
        """Return the decision as the JSON-ready record that is kept with the job."""
        record = {
            "model": self.model,
            "strategy": self.strategy,
            "reason": self.reason,
            "scores": {name: round(score, 4) for name, score in self.scores.items()},
            "ruled_out": dict(self.ruled_out),
            "expected_wait_seconds": round(self.wait_seconds, 3),
        }
        return record if self.cost_usd is None else {**record, "expected_cost_usd": round(self.cost_usd, 8)}


@dataclass
class Moment:
    """What is true while a round is planned: each model's state, and the strategies' shared memory."""

    states: dict[str, ModelState]
    cursors: dict[str, str]
    random: Random


def decide(job: Waiting, now: Moment, chains: Chains) -> Decision:
    """Choose among the job's candidates; pinned jobs, and those for which was chosen, wait for their model."""
    names = job.lane.waits_for
    away = _away(job, names, now.states)
    if job.lane.chosen and all(name in away or now.states[name].suspected for name in names):
        names = job.lane.candidates
        away = _away(job, names, now.states)
        return _choose(job, now, chains, names, away)
    if len(away) == len(names):
        return Decision(None, "", "no candidate is there", ruled_out=away)
    if len(names) == 1 and (job.lane.chosen or job.lane.pinned):
        return _bind_or_wait(job, now.states[names[0]])
    return _choose(job, now, chains, names, away)


def _away(job: Waiting, names: tuple[str, ...], states: Mapping[str, ModelState]) -> dict[str, str]:
    away = {}
    for name in names:
        state = states.get(name)
        if state is None:
            away[name] = "not in this dispatcher's configuration"
        elif why := state.away_because or state.unread_because(job.facts.schema):
            away[name] = why
    return away


def _bind_or_wait(job: Waiting, state: ModelState) -> Decision:
    """Decide for a job that may go to one model only."""
    full = state.full_because(job.tokens)
    name = state.model.name
    if full:
        return Decision(None, "", "its model cannot take it now", ruled_out={name: full})
    cost = expected_cost_usd(state.model.price, job.facts)
    kept = bool(job.lane.chosen)
    return Decision(name, "pinned", "pinned by its caller", kept=kept, cost_usd=cost)


def _choose(job: Waiting, now: Moment, chains: Chains, names: tuple[str, ...], away: dict[str, str]) -> Decision:
    chain = chains.chain(job.lane, job.facts)
    healthy = [now.states[name] for name in names if name not in away]
    full = {state.model.name: why for state in healthy if (why := state.full_because(job.tokens))}
    preferred = not_failed(job.failed_by, healthy)
    asked = trusted(preferred)
    probe = due_probe(job.failed_by, preferred, full) if asked is not preferred else None
    scope = f"{job.lane.work}/{chain.name}"
    ask = Ask(job.facts, asked, now.random, now.cursors.get(scope, ""), chains.quality(job.lane))
    outcome = _probed(ask, chain, full, probe) or chain.choose(ask, full)
    ruled_out = {**_unfit(job, chains), **away, **full, **passed_over(healthy, preferred, asked)}
    ruled_out |= outcome.ruled_out
    if outcome.model is None:
        pool = outcome.pool if len(outcome.pool) < len(asked) else tuple(state.model.name for state in preferred)
        return _narrowed(job, replace(outcome, pool=pool), len(healthy), chain.name, ruled_out)
    state = now.states[outcome.model]
    ruled_out.pop(outcome.model, None)
    return Decision(
        outcome.model, chain.name, outcome.reason, outcome.scores, ruled_out,
        lane=job.lane.choosing((outcome.model,)) if outcome.model in full else None,
        cursor=None if outcome.cursor is None else (scope, outcome.cursor),
        wait_seconds=expected_wait_seconds(state) if outcome.model in full else 0.0,
        cost_usd=expected_cost_usd(state.model.price, job.facts),
    )  # fmt: skip


def _probed(ask: Ask, chain: Chain, full: Mapping[str, str], probe: ModelState | None) -> ChainOutcome | None:
    """Choose the suspect model whose probe is due, where the strategies let the job go there at all."""
    if probe is None or probe in ask.candidates:
        return None
    outcome = chain.choose(replace(ask, candidates=[probe]), full)
    if outcome.model is None:
        return None
    reason = f"a probe of the model, which is {suspicion_words(probe)}"
    return replace(outcome, reason=reason, cursor=None, ruled_out={})


def _narrowed(
    job: Waiting, outcome: ChainOutcome, healthy: int, name: str, ruled_out: Mapping[str, str]
) -> Decision:
    """Wait; where only some of the candidates will do, in their own lane, so that nobody behind is held up."""
    lane = job.lane.choosing(outcome.pool)
    if not 0 < len(outcome.pool) < healthy or lane == job.lane:
        return Decision(None, name, outcome.reason, ruled_out=ruled_out)
    only = outcome.pool[0] if len(outcome.pool) == 1 else None
    return Decision(only, name, outcome.reason, ruled_out=ruled_out, lane=lane)


def _unfit(job: Waiting, chains: Chains) -> dict[str, str]:
    """Say why models of the class are no candidates of this job."""
    route = chains.catalog.route(job.lane.work)
    if route is None or len(route.models) <= len(job.lane.candidates):
        return {}
    why = {}
    for name in route.models:
        if name not in job.lane.candidates:
            unfit = unfit_because(chains.catalog.models[name], job.facts, max_cost_usd=route.max_cost_usd)
            why[name] = unfit or "left after an earlier attempt"
    return why


def expected_wait_seconds(state: ModelState) -> float:
    """Return how long a job that comes now will wait for a slot, by the calls before it and their usual latency."""
    ahead = state.load - state.capacity + 1
    if ahead <= 0 or not state.capacity:
        return 0.0
    return ahead * (state.latency_seconds or 0.0) / state.capacity
