"""What a queue has to offer to be compared: one small interface for Pointsman and for each baseline."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Protocol

from .processes import Processes


class Contender(Protocol):
    """One queue with its settings. `back_seconds` is how long it may take to give a dead worker's jobs back."""

    name: str
    settings: str
    back_seconds: float

    def open(self, processes: Processes, *, redis_url: str, llm_url: str, concurrency: int) -> None:
        """Get ready, and start what has to run beside the workers; `concurrency` is calls in flight per worker."""

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start one worker process; it is ready once its log says so."""

    def submit(self, prompts: Sequence[str]) -> list[str]:
        """Submit a job for each prompt and return their ids, under which the results are published."""

    def held(self) -> set[str]:
        """Return the ids of all jobs that have not ended and that the queue still knows of."""

    def close(self) -> None:
        """Let go of what `open` opened."""


READY = " ready."
"""What a Celery worker writes once it takes jobs."""
