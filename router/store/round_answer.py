"""Turns what read_round answers into the round that deciding looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..routing.decide import Waiting
from ..routing.fault import Fault, fault_of
from ..routing.model_state import ModelState
from ..routing.pace import pace_at
from ..routing.plan import LaneHead, Round
from ..vocabulary.facts import read_facts
from ..vocabulary.lanes import Lane, split_names
from ..vocabulary.model import Model
from .calls import LaneRow, ModelRow, RoundAnswer


def to_round(answer: RoundAnswer, models: Mapping[str, Model], *, window: float) -> Round:
    """Return the round; `window` is the share of the announced slots that may be bound beyond them."""
    waiting, now, faults = _waiting(answer.lanes), answer.now, list[Fault]()
    return Round(
        now=now,
        intake=answer.intake,
        next_due=None if answer.next_due is None else int(answer.next_due),
        lanes=tuple(_lane_head(row, faults) for row in answer.lanes),
        states={
            name: _state(answer.models[name], model, now=now, window=window, waiting=waiting.get(name, 0))
            for name, model in models.items()
        },
        cursors=answer.cursors,
        more_lanes=answer.more_lanes,
        faults=tuple(faults),
    )


def _state(row: ModelRow, model: Model, *, now: int, window: float, waiting: int) -> ModelState:
    return ModelState(
        model=model,
        announced=row.slots,
        workers=row.workers,
        reads=row.reads,
        bound=row.bound,
        running=row.running,
        served=row.served,
        now=now,
        cooled_until=int(row.cooled_until),
        paused=row.paused,
        down=row.down,
        suspect=row.suspect,
        probe_at=int(row.probe_at),
        requests_in_minute=row.requests,
        tokens_in_minute=row.tokens,
        oldest_leaves=int(row.oldest_leaves),
        pace=pace_at(now, row.paced_requests, row.paced_tokens, int(row.paced_at), model.limits),
        window=window,
        waiting=waiting,
        latency_ms=row.latency_ms,
        latency_at=int(row.latency_at),
        ms_per_token=row.ms_per_token,
        errors=row.error_rate,
        errors_at=int(row.error_at),
        breaker=row.breaker,
        open_until=int(row.open_until),
        breaker_why=row.breaker_why,
        probes=row.probes,
        requests_left=row.requests_left,
        requests_left_until=int(row.requests_left_until),
        tokens_left=row.tokens_left,
        tokens_left_until=int(row.tokens_left_until),
    )


def _lane_head(row: LaneRow, faults: list[Fault]) -> LaneHead:
    """Return the jobs at the head of a lane; what cannot be read of it is added to the faults."""
    jobs: list[Waiting] = []
    for job_id, position, *known in zip(row.ids, row.positions, row.facts, row.failed_by, strict=True):
        try:
            jobs.append(_job(Lane.parse(row.name), job_id, position, *known))
        except Exception as error:  # one job's trouble, whatever it is, must not hold up the others
            faults.append(fault_of(job_id, row.name, "reading what is known of it", error))
    return LaneHead(tuple(jobs), more=row.waiting > len(row.ids))


def _job(lane: Lane, job_id: str, position: float, facts: str, failed_by: str) -> Waiting:
    if not facts:
        raise LookupError("its record is gone")
    known = read_facts(facts)
    return Waiting(job_id, position, known.tokens, lane, known, split_names(failed_by))


def _waiting(lanes: Sequence[LaneRow]) -> dict[str, int]:
    """Return how many jobs only wait for each model."""
    waiting: dict[str, int] = {}
    for row in lanes:
        lane = parsed_lane(row.name)
        if lane is not None and lane.only:
            waiting[lane.only] = waiting.get(lane.only, 0) + row.waiting
    return waiting


def parsed_lane(name: str) -> Lane | None:
    """Return a lane, None where its name is none that this version knows."""
    try:
        return Lane.parse(name)
    except ValueError:
        return None
