"""Judges an attempt: what a failed call means for the job and for the model, as a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from random import Random
from typing import assert_never

from pointsman.router.config.settings import Settings
from pointsman.router.routing.catalog import Catalog
from pointsman.router.vocabulary.chat import Answer
from pointsman.router.vocabulary.errors import ErrorKind
from pointsman.router.vocabulary.lanes import Lane
from pointsman.router.vocabulary.model import Model

from .backoff import Backoff
from .errors import CallFailed, NotSent


@dataclass(frozen=True)
class Succeeded:
    """The model gave a usable answer."""

    answer: Answer


@dataclass(frozen=True)
class RetryLater:
    """The job goes back to its lane, after a wait; the model may be cooled. `refused` is counted by itself."""

    error: CallFailed
    wait_seconds: float = 0.0
    cool_seconds: float = 0.0
    spends_attempt: bool = True
    refused: bool = False


@dataclass(frozen=True)
class TryNextModel:
    """The job goes to a lane of other candidates; the model may be cooled, or paused or down from now on."""

    error: CallFailed
    lane: Lane
    stop: str = ""
    spends_attempt: bool = True
    cool_seconds: float = 0.0


@dataclass(frozen=True)
class GaveUp:
    """The job fails with this error; the model may be cooled, or paused or down from now on."""

    error: CallFailed
    stop: str = ""
    cool_seconds: float = 0.0


AttemptOutcome = Succeeded | RetryLater | TryNextModel | GaveUp


class Policy(Enum):
    """What happens to a job after an error."""

    WAIT_FOR_MODEL = "wait until the model lets calls through again; the attempt does not count"
    LEAVE_MODEL = "close the model, go to the next one"
    NEXT_OR_BACK_OFF = "cool the model for a moment: the job goes to another open one, or waits"
    BACK_OFF = "back off and retry"
    LARGER_WINDOW = "go to a model with a larger context window"
    OTHER_VENDOR = "go to a model of another vendor where the task class allows it"
    FAIL = "fail at once"


POLICIES: Mapping[ErrorKind, Policy] = {
    ErrorKind.RATE_LIMITED: Policy.WAIT_FOR_MODEL,
    ErrorKind.QUOTA_EXHAUSTED: Policy.LEAVE_MODEL,
    ErrorKind.AUTH: Policy.LEAVE_MODEL,
    ErrorKind.MISCONFIGURED: Policy.LEAVE_MODEL,
    ErrorKind.OVERLOADED: Policy.NEXT_OR_BACK_OFF,
    ErrorKind.SERVER_ERROR: Policy.BACK_OFF,
    ErrorKind.TIMEOUT: Policy.BACK_OFF,
    ErrorKind.CONNECTION: Policy.BACK_OFF,
    ErrorKind.BAD_RESPONSE: Policy.BACK_OFF,
    ErrorKind.CONTEXT_TOO_LONG: Policy.LARGER_WINDOW,
    ErrorKind.CONTENT_FILTERED: Policy.OTHER_VENDOR,
    ErrorKind.INVALID_REQUEST: Policy.FAIL,
    ErrorKind.WORKER_LOST: Policy.BACK_OFF,
    ErrorKind.CANCELLED: Policy.FAIL,
    ErrorKind.EXPIRED: Policy.FAIL,
    ErrorKind.QUARANTINED: Policy.FAIL,
}

LONGEST_COOLING_SECONDS = 10 * 365 * 86_400.0
"""No vendor means more, and Lua's numbers stay exact; below it what a vendor asks for is never cut short."""

STOPS: Mapping[ErrorKind, str] = {
    ErrorKind.QUOTA_EXHAUSTED: "paused",
    ErrorKind.AUTH: "down",
    ErrorKind.MISCONFIGURED: "down",
}
"""What an error does to its model beside cooling: paused until resumed by hand, down until a probe is answered."""


@dataclass(frozen=True)
class Trial:
    """What the judge has to know of the job: how often it was tried and by whom, and where it may go."""

    attempt: int
    max_attempts: int
    rate_limits: int
    lane: Lane
    model: Model
    failed_by: tuple[str, ...] = ()

    @property
    def others_left(self) -> bool:
        """Whether the job may go to a model that has not failed it."""
        return bool(set(self.lane.candidates) - {self.model.name, *self.failed_by})


class Judge:
    """Turns errors into outcomes by the table above."""

    def __init__(self, catalog: Catalog, settings: Settings, random: Random) -> None:
        self._catalog, self._settings = catalog, settings
        self._backoff = Backoff(
            base_seconds=settings.backoff_base_seconds, most_seconds=settings.backoff_max_seconds, random=random
        )

    def take(self, catalog: Catalog) -> None:
        """Judge by another catalog from now on."""
        self._catalog = catalog

    def judge(self, error: CallFailed, trial: Trial) -> AttemptOutcome:
        """Say what happens to the job after `error`; a model that asks for time gets it in any case."""
        policy = POLICIES[error.kind]
        cooling = self._cooling(error, trial)
        if isinstance(error, NotSent):
            return self._nobody_there(error, trial)
        if self._tried_enough(policy, trial):
            return GaveUp(error, cool_seconds=cooling)
        match policy:
            case Policy.FAIL:
                return GaveUp(error, cool_seconds=cooling)
            case Policy.LEAVE_MODEL | Policy.LARGER_WINDOW | Policy.OTHER_VENDOR:
                return self._next(error, self._elsewhere(policy, trial), cooling)
            case Policy.WAIT_FOR_MODEL:
                return RetryLater(error, cool_seconds=cooling, spends_attempt=False, refused=True)
            case Policy.NEXT_OR_BACK_OFF:
                return RetryLater(error, cool_seconds=cooling)
            case Policy.BACK_OFF:
                wait = max(cooling, self._backoff.jittered(error.kind, trial.attempt))
                return RetryLater(error, wait_seconds=0.0 if trial.others_left else wait, cool_seconds=cooling)
            case _:
                assert_never(policy)

    def _nobody_there(self, error: CallFailed, trial: Trial) -> AttemptOutcome:
        """Go elsewhere at once, else wait: nothing was sent, so it costs no attempt."""
        if trial.rate_limits >= self._settings.max_rate_limits:
            return GaveUp(error)
        wait = 0.0 if trial.others_left else self._backoff.jittered(error.kind, trial.rate_limits + 1)
        return RetryLater(error, wait_seconds=wait, spends_attempt=False, refused=True)

    def _tried_enough(self, policy: Policy, trial: Trial) -> bool:
        if policy is Policy.WAIT_FOR_MODEL:
            return trial.rate_limits >= self._settings.max_rate_limits
        return policy in (Policy.NEXT_OR_BACK_OFF, Policy.BACK_OFF) and trial.attempt >= trial.max_attempts

    def _cooling(self, error: CallFailed, trial: Trial) -> float:
        """Return for how long nobody should call the model: what its vendor asked for, never cut short.

        A vendor that is out of room and says nothing gets one backoff, which grows with the job's tries.
        """
        requested_seconds = min(error.retry_after or 0.0, LONGEST_COOLING_SECONDS)
        policy = POLICIES[error.kind]
        if policy is Policy.WAIT_FOR_MODEL:
            return max(requested_seconds, self._backoff.whole(error.kind, trial.rate_limits + 1))
        if policy is Policy.NEXT_OR_BACK_OFF:
            return max(requested_seconds, self._backoff.whole(error.kind, trial.attempt))
        return requested_seconds

    def _next(self, error: CallFailed, lane: Lane, cooling: float) -> AttemptOutcome:
        """Go to the lane, which costs no attempt where the model, and not the job, may be closed by the error."""
        stop = STOPS.get(error.kind, "")
        if not lane.candidates:
            return GaveUp(error, stop, cooling)
        return TryNextModel(error, lane, stop, spends_attempt=not stop, cool_seconds=cooling)

    def _elsewhere(self, policy: Policy, trial: Trial) -> Lane:
        """Return the lane of the candidates that may do better."""
        if policy is Policy.LEAVE_MODEL:
            return trial.lane.without(trial.model.name)
        if policy is Policy.LARGER_WINDOW:
            window = trial.model.context_window or 0
            return self._only(trial, lambda model: (model.context_window or 0) > window)
        task_class = self._catalog.task_classes.get(trial.lane.work)
        allowed = task_class is not None and task_class.on_content_filtered == "other_vendor"
        return self._only(trial, lambda model: allowed and model.vendor != trial.model.vendor)

    def _only(self, trial: Trial, fits: Callable[[Model], bool]) -> Lane:
        """Return the open lane of the candidates that this worker knows and that fit."""
        known = self._catalog.models
        names = tuple(name for name in trial.lane.candidates if name in known and fits(known[name]))
        return replace(trial.lane.open(), candidates=names)
