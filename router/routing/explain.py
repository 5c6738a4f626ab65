"""Explains where a job would go if it came now, and why: a dry run that submits nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from ..vocabulary.facts import JobFacts
from ..vocabulary.job import JobSpec
from ..vocabulary.lanes import Lane
from ..vocabulary.views import Candidate, Explanation
from .catalog import Catalog
from .decide import Chains, Decision, Moment, Waiting, decide, expected_wait_seconds
from .fit import expected_cost_usd
from .model_state import ModelState
from .placement import IntakeJob, find_job_lane
from .plan import Round


def explain(spec: JobSpec, snapshot: Round, catalog: Catalog, *, random: Random) -> Explanation:
    """Classify, filter and decide as a dispatcher would, with the job at the head of its lane."""
    chat = spec.chat()
    facts = spec.facts(chat)
    payload = {"chat": chat.model_dump(mode="json", exclude_none=True)}
    job = IntakeJob("dry-run", spec.tenant, payload, facts, spec.task_class, spec.model)
    found, placement = find_job_lane(job, catalog)
    decision = Decision(None, "", placement.message, ruled_out=placement.ruled_out)
    if placement.lane:
        waiting = Waiting(job.id, 0.0, facts.tokens, placement.lane, facts)
        decision = decide(waiting, Moment(dict(snapshot.states), dict(snapshot.cursors), random), Chains(catalog))
    names = catalog.candidates(task_class=found.task_class or None, named=spec.model)
    ruled_out = {**placement.ruled_out, **decision.ruled_out}
    return Explanation(
        task_class=found.task_class or None,
        classified_by=found.words,
        tokens=facts.tokens,
        outcome=_outcome(decision, fails=placement.lane is None),
        model=decision.model,
        strategy=decision.strategy or "-",
        reason=decision.reason,
        expected_wait_seconds=_wait_seconds(decision, placement.lane, snapshot.states),
        expected_cost_usd=decision.cost_usd,
        candidates=tuple(
            _candidate(snapshot.states[name], facts, score=decision.scores.get(name), ruled_out=ruled_out.get(name))
            if name not in placement.ruled_out
            else _candidate(
                snapshot.states[name], facts, score=None, ruled_out=placement.ruled_out[name], fits=False
            )
            for name in names
        ),
    )


def _candidate(
    state: ModelState, facts: JobFacts, *, score: float | None, ruled_out: str | None, fits: bool = True
) -> Candidate:
    return Candidate(
        model=state.model.name,
        score=score,
        ruled_out=ruled_out,
        fits=fits,
        depth=state.depth,
        capacity=state.capacity,
        expected_wait_seconds=expected_wait_seconds(state),
        expected_cost_usd=expected_cost_usd(state.model.price, facts),
    )


def _wait_seconds(decision: Decision, lane: Lane | None, states: Mapping[str, ModelState]) -> float | None:
    """Return the shortest wait among the models that will do and are there; None where nobody can know."""
    if decision.model:
        return decision.wait_seconds
    there = [states[name] for name in (lane.waits_for if lane else ()) if not states[name].away_because]
    return min(map(expected_wait_seconds, there), default=None)


def _outcome(decision: Decision, *, fails: bool) -> str:
    if fails:
        return "fail"
    return "bind" if decision.model and decision.lane is None else "wait"
