"""The events of a job, read from its record: the same record always gives the same events under the same ids. Pure.

So nothing is kept for events, and who comes back with the id of the last one it saw gets what followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Literal, NamedTuple, Self

from .job import Attempt, JobRecord, JobState

EventName = Literal["queued", "bound", "started", "token", "retried", "done"]


EVENT_ID = re.compile(r"[0-9]{1,9}\.[0-5](\.[0-9]{1,12})?")


class EventStep(IntEnum):
    """What can happen under one binding, in this order."""

    QUEUED = 0
    BOUND = 1
    STARTED = 2
    TOKEN = 3
    BACK = 4
    DONE = 5


class EventId(NamedTuple):
    """The place of an event among those of its job; `offset` is the bytes of UTF-8 that a token event ends at."""

    binding: int
    step: int
    offset: int = 0

    def __str__(self) -> str:
        """Return the id as it is sent: `2.1`, or `2.3.120` for a token."""
        return f"{self.binding}.{self.step}" + (f".{self.offset}" if self.step == EventStep.TOKEN else "")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the id that was sent as `text`; raises ValueError."""
        if not EVENT_ID.fullmatch(text):
            raise ValueError(f"{text[:40]!r} is no id of an event")
        return cls(*map(int, text.split(".")))


BEGINNING = EventId(-1, 0)
"""Before all events."""


class JobEvent(NamedTuple):
    """Something that happened to a job; `data` is ready for JSON."""

    id: EventId
    name: EventName
    data: dict[str, Any]


def events_of(record: JobRecord) -> Iterator[JobEvent]:
    """Yield the events of a job up to now, but for its tokens."""
    yield JobEvent(
        EventId(0, EventStep.QUEUED), "queued", _without_none(at=record.submitted, task_class=record.task_class)
    )
    for attempt in record.history:
        yield from _began(attempt)
        if not (record.done and attempt is record.history[-1]):
            yield _back(attempt)
    if record.done:
        yield JobEvent(EventId(record.binding, EventStep.DONE), "done", record.summary())
    elif record.binding > (record.history[-1].binding if record.history else 0):
        yield from _under_way(record)


def token(binding: int, offset: int, text: str) -> JobEvent:
    """Return the event of a piece of the answer; `offset` is the bytes of UTF-8 that went before it."""
    end_offset = offset + len(text.encode())
    return JobEvent(
        EventId(binding, EventStep.TOKEN, end_offset), "token", {"binding": binding, "offset": offset, "text": text}
    )


def _began(attempt: Attempt) -> Iterator[JobEvent]:
    binding = attempt.binding
    yield _bound(binding, attempt.model, attempt.decision)
    started = _without_none(binding=binding, model=attempt.model, attempt=attempt.number, at=attempt.started)
    yield JobEvent(EventId(binding, EventStep.STARTED), "started", started)


def _bound(binding: int, model: str | None, decision: dict[str, Any] | None) -> JobEvent:
    reason = (decision or {}).get("reason")
    return JobEvent(
        EventId(binding, EventStep.BOUND), "bound", _without_none(binding=binding, model=model, reason=reason)
    )


def _back(attempt: Attempt) -> JobEvent:
    """An attempt ended without the job: it is tried again."""
    data = _without_none(
        binding=attempt.binding,
        model=attempt.model,
        attempt=attempt.number,
        kind=attempt.kind,
        reason=attempt.reason,
        at=attempt.ended,
    )
    return JobEvent(EventId(attempt.binding, EventStep.BACK), "retried", data)


def _under_way(record: JobRecord) -> Iterator[JobEvent]:
    """Tell of a binding that is in no history yet; one that nobody claimed never will be."""
    if record.state is JobState.PENDING:
        why = "it waits again: its binding was given back, or it begins anew"
        back = _without_none(binding=record.binding, reason=why)
        yield JobEvent(EventId(record.binding, EventStep.BACK), "queued", back)
        return
    yield _bound(record.binding, record.model, record.decision)
    if record.state is JobState.RUNNING:
        running = _without_none(binding=record.binding, model=record.model, attempt=record.attempts)
        yield JobEvent(EventId(record.binding, EventStep.STARTED), "started", running)


def _without_none(**data: Any) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None}
