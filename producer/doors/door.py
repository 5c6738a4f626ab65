"""What each way in can do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from router.explain import Explanation
from router.job import JobRecord, JobSpec, JobState
from router.store import ModelView


class Door(Protocol):
    """A way to jobs and models; every method may raise StoreUnavailable and is safe to repeat."""

    async def submit_many(self, specs: Sequence[JobSpec]) -> list[str]:
        """Accept at most `producer.chunks.JOBS` jobs and return their ids in order."""
        ...

    async def get(self, job_id: str) -> JobRecord:
        """Return all that is known of a job."""
        ...

    def finished(self, job_ids: Sequence[str]) -> AsyncGenerator[JobRecord, None]:
        """Yield the record of each job when it has ended, in the order of the ends as far as it can be seen."""
        ...

    async def cancel(self, job_id: str) -> JobState:
        """Cancel a job and return the state it is in now."""
        ...

    async def explain(self, spec: JobSpec) -> Explanation:
        """Return where a job would go if it came now; nothing is submitted."""
        ...

    async def models(self) -> list[ModelView]:
        """Return the live state of every model."""
        ...

    async def warnings(self) -> list[str]:
        """Return what keeps jobs from being done."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
