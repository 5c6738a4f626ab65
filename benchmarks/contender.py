"""What a queue has to offer to be compared: one small interface for Pointsman and for each baseline."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .processes import Processes

CELERY_READY = " ready."
"""What a Celery worker writes once it takes jobs."""


@dataclass(frozen=True)
class Setup:
    """Where a contender runs; `llm_url` is without /v1, `concurrency` is the calls in flight per worker."""

    processes: Processes
    redis_url: str
    llm_url: str
    concurrency: int

    @property
    def results_url(self) -> str:
        """The database for results."""
        return results_url(self.redis_url)


def results_url(redis_url: str) -> str:
    """Return another database of the same Redis, for nothing but results, so that they can be counted."""
    return f"{redis_url.removesuffix('/0')}/1"


class Contender(Protocol):
    """One queue with its settings; a worker takes jobs once its log has the words in `ready`."""

    name: str
    settings: str
    ready: str

    def open(self, setup: Setup) -> None:
        """Get ready, and start what has to run beside the workers."""

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one worker process, called worker."""

    def submit(self, prompts: Sequence[str]) -> list[str]:
        """Submit a job for each prompt and return their ids."""

    def left(self) -> int:
        """Return how many jobs have no result yet; has to be cheap, since it is asked again and again."""

    def close(self) -> None:
        """Let go of what `open` opened."""


class Faulted(Contender, Protocol):
    """A contender whose workers can be killed; its results are published on `celery-task-meta-<id>`.

    `back_seconds` is how long it may take to give a dead worker's jobs back.
    """

    back_seconds: float

    def held(self) -> set[str]:
        """Return the ids of all jobs that have not ended and that the queue still knows of."""
