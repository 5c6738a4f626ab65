"""How far many jobs are: counts, cost, rate and the time that is left."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

RATE_SECONDS = 30.0
"""The rate is that of so many seconds: long enough to be steady, short enough to follow a model that slows down."""
MARK_SECONDS = 0.5
PROGRESS_SECONDS = 0.25


@dataclass(frozen=True)
class Progress:
    """How far many jobs are at one moment.

    `total` is None where nobody knows it. `submitted` counts the ended ones too, `failed` all that ended without an
    answer. `trouble` says why nothing is submitted or received now, and is empty most of the time.
    """

    total: int | None
    submitted: int
    succeeded: int
    failed: int
    cost_usd: float
    jobs_per_second: float
    seconds: float
    trouble: str = ""

    @property
    def ended(self) -> int:
        """How many have come to their end."""
        return self.succeeded + self.failed

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take at the present rate; None where nobody can know."""
        if self.total is None or not self.jobs_per_second:
            return None
        return (self.total - self.ended) / self.jobs_per_second


class ProgressTimer:
    """Says when it is time to tell the progress again."""

    def __init__(self, seconds: float = PROGRESS_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time; if so, the next time is a while later."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


OnProgress = Callable[[Progress], None]
"""Gets the progress, a few times a second at most; what it raises ends the work."""


def ignore_progress(_: Progress) -> None:
    """Keep the progress to oneself."""


class Tally:
    """Counts the jobs of one piece of work. What had ended before it began counts for no rate."""

    def __init__(self, total: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.submitted, self.succeeded, self.failed = total, 0, 0, 0
        self.cost_usd, self.trouble = 0.0, ""
        self._clock, self._began = clock, clock()
        self._marks: deque[tuple[float, int]] = deque()

    def add(self, *, succeeded: bool, cost_usd: float | None) -> None:
        """Count a job that has ended."""
        self.succeeded += succeeded
        self.failed += not succeeded
        self.cost_usd += cost_usd or 0.0

    def note_trouble(self, words: str) -> None:
        """Keep in mind why nothing goes on, '' where it does again."""
        self.trouble = words

    def progress(self) -> Progress:
        """Return how far it is now."""
        now, ended = self._clock(), self.succeeded + self.failed
        return Progress(
            self.total, self.submitted, self.succeeded, self.failed, self.cost_usd,
            jobs_per_second=self._rate(now, ended), seconds=now - self._began, trouble=self.trouble,
        )  # fmt: skip

    def _rate(self, now: float, ended: int) -> float:
        marks = self._marks
        if not marks or now - marks[-1][0] >= MARK_SECONDS:
            marks.append((now, ended))
        while len(marks) > 1 and now - marks[0][0] > RATE_SECONDS:
            marks.popleft()
        since, before = marks[0]
        return (ended - before) / (now - since) if now > since else 0.0
