"""Plans one dispatcher round: which of the waiting jobs are bound to which model, in order of their place. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from heapq import heapify, heappop, heapreplace
from random import Random

from pydantic_core import to_json

from .catalog import Catalog
from .decide import Chains, Decision, Moment, Waiting, decide
from .fault import Fault, fault_of
from .model_state import ModelState


@dataclass(frozen=True)
class LaneHead:
    """The first jobs of one lane, in order; `more` says that others wait behind them."""

    jobs: tuple[Waiting, ...]
    more: bool


@dataclass(frozen=True)
class Round:
    """What one dispatcher round sees; `now` and `next_due` are milliseconds of Redis's clock.

    `cursors` is what the strategies remember, by task class and strategy; `faults` are jobs that cannot be read.
    """

    now: int
    intake: int
    next_due: int | None
    lanes: tuple[LaneHead, ...]
    states: Mapping[str, ModelState]
    cursors: Mapping[str, str] = field(default_factory=dict)
    more_lanes: bool = False
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Bind:
    """One job to be bound to the model its decision names, or moved to the lane it names."""

    job: Waiting
    decision: Decision

    @cached_property
    def record(self) -> str | None:
        """The decision as it is kept with the job; None where that one stands."""
        return None if self.decision.kept else to_json(self.decision.record()).decode()


@dataclass(frozen=True)
class Plan:
    """The binds and moves of one round, the jobs that caused an error, and those that no worker can read yet."""

    binds: list[Bind] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    too_new: list[Bind] = field(default_factory=list)


def plan_round(snapshot: Round, catalog: Catalog, *, limit: int, random: Random) -> Plan:
    """Return at most `limit` binds and moves.

    Jobs are taken across all lanes by (priority, submit number). A lane whose head fits nowhere is passed over
    for this round. When a lane has more jobs than were read, planning stops at its last one: what follows in the
    other lanes may have to wait for them. A job about which deciding fails is passed over, and its lane goes on.
    """
    now = Moment(dict(snapshot.states), dict(snapshot.cursors), random)
    chains = Chains(catalog)
    plan = Plan()
    lanes = _InOrder(snapshot.lanes)
    for job in lanes:
        try:
            bind = _decided(job, now, chains)
        except Exception as error:  # one job's trouble, whatever it is, must not hold up the others
            plan.faults.append(fault_of(job.id, str(job.lane), "choosing its model", error))
        else:
            if not _taken(plan, bind, now):
                lanes.skip_lane()
                continue
        if len(plan.binds) >= limit or lanes.read_out():
            break
    return plan


def _taken(plan: Plan, bind: Bind, now: Moment) -> bool:
    """Note what was decided about a job; returns False where it waits in its lane, and whoever is behind it too."""
    decision = bind.decision
    if decision.model is not None or decision.lane is not None:
        _note(bind.job, decision, now)
        plan.binds.append(bind)
    elif any(_cannot_read(bind.job, name, now) for name in bind.job.lane.waits_for):
        plan.too_new.append(bind)
    else:
        _keep_tokens(bind.job, now)
        return False
    return True


def _decided(job: Waiting, now: Moment, chains: Chains) -> Bind:
    """Return what becomes of the job; raises whatever a strategy does, or for what cannot be kept."""
    bind = Bind(job, _set_apart(job, decide(job, now, chains), now))
    decision = bind.decision
    if decision.cursor is not None and not isinstance(decision.cursor[1], str):
        raise TypeError(f"the cursor of {decision.strategy} is no text but {decision.cursor[1]!r}")
    _ = bind.record  # made here, where what a strategy of the user's said concerns this job alone
    return bind


def _set_apart(job: Waiting, decision: Decision, now: Moment) -> Decision:
    """Let a job that only some of its models can read wait for these in a lane of their own: it blocks nobody."""
    names = job.lane.waits_for
    if decision.model is not None or decision.lane is not None:
        return decision
    readers = tuple(name for name in names if not _cannot_read(job, name, now) and _is_there(name, now))
    if not readers or readers == names or all(not _cannot_read(job, name, now) for name in names):
        return decision
    only = readers[0] if len(readers) == 1 else None
    return replace(decision, model=only, lane=job.lane.choosing(readers))


def _is_there(name: str, now: Moment) -> bool:
    return name in now.states and now.states[name].workers > 0


def _cannot_read(job: Waiting, name: str, now: Moment) -> bool:
    return name in now.states and now.states[name].unread_because(job.facts.schema) is not None


def _note(job: Waiting, decision: Decision, now: Moment) -> None:
    """Let the decisions that follow see this one as done."""
    if decision.cursor:
        now.cursors[decision.cursor[0]] = decision.cursor[1]
    before = job.lane.only
    if before in now.states:
        now.states[before] = now.states[before].with_one_waiting(-1)
    if decision.model is None:
        return
    state = now.states[decision.model]
    now.states[decision.model] = state.with_one_waiting() if decision.lane else state.with_one_more(job.tokens)


def _keep_tokens(job: Waiting, now: Moment) -> None:
    """Let no later job take the tokens that this one waits for: smaller ones would come first for ever."""
    for name in job.lane.candidates:
        state = now.states.get(name)
        if state is not None and state.lacks_tokens(job.tokens):
            now.states[name] = replace(state, kept_for=f"job {job.id}")


class _InOrder:
    """Iterates over the jobs of many lanes by place."""

    def __init__(self, lanes: Sequence[LaneHead]) -> None:
        self._lanes = lanes
        self._heap = [(lane.jobs[0].position, at, 0) for at, lane in enumerate(lanes) if lane.jobs]
        heapify(self._heap)
        self._skip = False

    def __iter__(self) -> Iterator[Waiting]:
        while self._heap:
            _, at, position = self._heap[0]
            self._skip = False
            yield self._lanes[at].jobs[position]
            self._advance(at, position + 1)

    def _advance(self, at: int, following: int) -> None:
        jobs = self._lanes[at].jobs
        if self._skip or following >= len(jobs):
            heappop(self._heap)
        else:
            heapreplace(self._heap, (jobs[following].position, at, following))

    def skip_lane(self) -> None:
        """Take no more jobs from the lane of the current job."""
        self._skip = True

    def read_out(self) -> bool:
        """Whether the current job is the last that was read of a lane that has more."""
        _, at, position = self._heap[0]
        return self._lanes[at].more and position == len(self._lanes[at].jobs) - 1
