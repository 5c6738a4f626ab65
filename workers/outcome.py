"""Judges an attempt: what a failed call means for the job and for the model, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random

from router.catalog import Catalog, Model
from router.chat import Answer
from router.errors import ErrorKind
from router.lanes import Lane
from router.settings import Settings

from .backoff import backoff_seconds
from .errors import CallFailed


@dataclass(frozen=True)
class Succeeded:
    """The model gave a usable answer."""

    answer: Answer


@dataclass(frozen=True)
class RetryLater:
    """The job goes back to its lane, after a wait; the model may be cooled."""

    error: CallFailed
    wait_seconds: float = 0.0
    cool_seconds: float = 0.0
    spends_attempt: bool = True


@dataclass(frozen=True)
class TryNextModel:
    """The job goes to a lane without this model, which may be paused or down from now on."""

    error: CallFailed
    lane: Lane
    stop: str = ""
    spends_attempt: bool = True


@dataclass(frozen=True)
class GaveUp:
    """The job fails with this error; the model may be paused or down from now on."""

    error: CallFailed
    stop: str = ""


Outcome = Succeeded | RetryLater | TryNextModel | GaveUp


class Policy(Enum):
    """What happens to a job after an error."""

    WAIT_FOR_MODEL = "wait until the model lets calls through again; the attempt does not count"
    LEAVE_MODEL = "close the model, go to the next one"
    NEXT_OR_BACK_OFF = "cool the model for a moment: the job goes to another open one, or waits"
    BACK_OFF = "back off and retry"
    LARGER_WINDOW = "go to a model with a larger context window"
    NEXT_IF_ALLOWED = "go to the next model where the task class allows it"
    FAIL = "fail at once"


POLICIES: Mapping[ErrorKind, Policy] = {
    ErrorKind.RATE_LIMITED: Policy.WAIT_FOR_MODEL,
    ErrorKind.QUOTA_EXHAUSTED: Policy.LEAVE_MODEL,
    ErrorKind.AUTH: Policy.LEAVE_MODEL,
    ErrorKind.OVERLOADED: Policy.NEXT_OR_BACK_OFF,
    ErrorKind.SERVER_ERROR: Policy.BACK_OFF,
    ErrorKind.TIMEOUT: Policy.BACK_OFF,
    ErrorKind.CONNECTION: Policy.BACK_OFF,
    ErrorKind.BAD_RESPONSE: Policy.BACK_OFF,
    ErrorKind.CONTEXT_TOO_LONG: Policy.LARGER_WINDOW,
    ErrorKind.CONTENT_FILTERED: Policy.NEXT_IF_ALLOWED,
    ErrorKind.INVALID_REQUEST: Policy.FAIL,
    ErrorKind.WORKER_LOST: Policy.BACK_OFF,
    ErrorKind.CANCELLED: Policy.FAIL,
    ErrorKind.EXPIRED: Policy.FAIL,
}

LONGEST_COOLING_SECONDS = 86_400.0

STOPS: Mapping[ErrorKind, str] = {ErrorKind.QUOTA_EXHAUSTED: "paused", ErrorKind.AUTH: "down"}
"""What an error does to its model beside cooling: paused until resumed by hand, down until its key changes."""


@dataclass(frozen=True)
class Trial:
    """What the judge has to know of the job: how often it was tried, and where it may go."""

    attempt: int
    max_attempts: int
    rate_limits: int
    lane: Lane
    model: Model


class Judge:
    """Turns errors into outcomes by the table above."""

    def __init__(self, catalog: Catalog, settings: Settings, random: Random) -> None:
        self._catalog, self._settings, self._random = catalog, settings, random

    def judge(self, error: CallFailed, trial: Trial) -> Outcome:
        """Say what happens to the job after `error`."""
        policy = POLICIES[error.kind]
        if policy is Policy.WAIT_FOR_MODEL:
            return self._wait_for_model(error, trial)
        if policy is Policy.FAIL:
            return GaveUp(error)
        if policy is Policy.LEAVE_MODEL:
            return self._next(error, trial.lane.without(trial.model.name), spends_attempt=False)
        if policy is Policy.LARGER_WINDOW:
            return self._next(error, self._larger(trial))
        if policy is Policy.NEXT_IF_ALLOWED:
            return self._next(error, self._allowed(trial))
        if trial.attempt >= trial.max_attempts:
            return GaveUp(error)
        if policy is Policy.NEXT_OR_BACK_OFF:
            return RetryLater(error, cool_seconds=self._cooling(error, trial.attempt))
        return RetryLater(error, wait_seconds=max(error.retry_after or 0.0, self._backoff(trial.attempt)))

    def _wait_for_model(self, error: CallFailed, trial: Trial) -> Outcome:
        if trial.rate_limits >= self._settings.max_rate_limits:
            return GaveUp(error)
        return RetryLater(error, cool_seconds=self._cooling(error, trial.rate_limits + 1), spends_attempt=False)

    def _cooling(self, error: CallFailed, tries: int) -> float:
        """Return what the vendor asks for, but never nothing at all, and never more than a day."""
        return min(max(error.retry_after or 0.0, self._backoff(tries)), LONGEST_COOLING_SECONDS)

    def _next(self, error: CallFailed, lane: Lane, *, spends_attempt: bool = True) -> Outcome:
        stop = STOPS.get(error.kind, "")
        if not lane.candidates:
            return GaveUp(error, stop)
        return TryNextModel(error, lane, stop, spends_attempt)

    def _larger(self, trial: Trial) -> Lane:
        window = trial.model.context_window or 0
        lane = trial.lane
        for name in trial.lane.candidates:
            model = self._catalog.models.get(name)
            if model is None or (model.context_window or 0) <= window:
                lane = lane.without(name)
        return lane

    def _allowed(self, trial: Trial) -> Lane:
        task_class = self._catalog.task_classes.get(trial.lane.work)
        if task_class and task_class.on_content_filtered == "next_model":
            return trial.lane.without(trial.model.name)
        return Lane(trial.lane.work, trial.lane.tenant, ())

    def _backoff(self, tries: int) -> float:
        settings = self._settings
        return backoff_seconds(
            tries, base=settings.backoff_base_seconds, most=settings.backoff_max_seconds, random=self._random
        )
