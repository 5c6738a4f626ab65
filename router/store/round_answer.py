"""Turns what read_round answers into the round that deciding looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..routing.decide import Waiting
from ..routing.model_state import ModelState
from ..routing.plan import LaneHead, Round
from ..vocabulary.facts import read_facts
from ..vocabulary.lanes import Lane, split_names
from ..vocabulary.model import Model
from .calls import LaneRow, ModelRow, RoundAnswer


def to_round(answer: RoundAnswer, models: Mapping[str, Model], *, window: float) -> Round:
    """Return the round; `window` is the share of the announced slots that may be bound beyond them."""
    waiting, now = _waiting(answer.lanes), answer.now
    return Round(
        now=now,
        intake=answer.intake,
        next_due=None if answer.next_due is None else int(answer.next_due),
        lanes=tuple(map(_lane_head, answer.lanes)),
        states={
            name: _state(answer.models[name], model, now=now, window=window, waiting=waiting.get(name, 0))
            for name, model in models.items()
        },
        cursors=answer.cursors,
        more_lanes=answer.more_lanes,
    )


def _state(row: ModelRow, model: Model, *, now: int, window: float, waiting: int) -> ModelState:
    return ModelState(
        model=model,
        announced=row.slots,
        workers=row.workers,
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


def _lane_head(row: LaneRow) -> LaneHead:
    lane = Lane.parse(row.name)
    heads = zip(row.ids, row.positions, row.facts, row.failed_by, strict=True)
    jobs = tuple(_job(lane, *head) for head in heads)
    return LaneHead(jobs, more=row.waiting > len(jobs))


def _job(lane: Lane, job_id: str, position: float, facts: str, failed_by: str) -> Waiting:
    known = read_facts(facts)
    return Waiting(job_id, position, known.tokens, lane, known, split_names(failed_by))


def _waiting(lanes: Sequence[LaneRow]) -> dict[str, int]:
    """Return how many jobs only wait for each model."""
    waiting: dict[str, int] = {}
    for row in lanes:
        only = Lane.parse(row.name).only
        if only:
            waiting[only] = waiting.get(only, 0) + row.waiting
    return waiting
