"""What each way in can do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from pointsman.router.vocabulary.delivery import DeliveryState
from pointsman.router.vocabulary.job import JobRecord, JobSpec, JobState
from pointsman.router.vocabulary.views import (
    DeadFilter,
    DeadPage,
    DeliveryPage,
    Explanation,
    KnownNames,
    ModelView,
    RetriedPage,
)


class ClientTransport(Protocol):
    """A way to jobs and models; every method may raise StoreUnavailable and is safe to repeat."""

    async def submit_many(self, specs: Sequence[JobSpec]) -> list[str]:
        """Accept at most `pointsman.producer.client.specs.JOBS` jobs and return their ids in order."""
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

    async def retry(self, job_id: str) -> JobState:
        """Let a dead letter begin anew and return the state the job is in now."""
        ...

    async def dead(self, wanted: DeadFilter, *, limit: int) -> DeadPage:
        """Return a page of dead letters."""
        ...

    async def retry_dead(self, wanted: DeadFilter, *, limit: int) -> RetriedPage:
        """Let a page of dead letters begin anew."""
        ...

    async def deliveries(self, state: DeliveryState, *, limit: int, cursor: int | None) -> DeliveryPage:
        """Return a page of webhook deliveries."""
        ...

    async def redeliver(self, delivery_id: str) -> DeliveryState:
        """Let a delivery begin anew and return the state it is in now."""
        ...

    async def explain(self, spec: JobSpec) -> Explanation:
        """Return where a job would go if it came now; nothing is submitted."""
        ...

    @property
    def explained_at_most(self) -> int:
        """How many jobs it is reasonable to have explained at once."""
        ...

    async def explain_many(self, specs: Sequence[JobSpec]) -> list[Explanation]:
        """Return where each of these jobs would go if it alone came now."""
        ...

    async def models(self) -> list[ModelView]:
        """Return the live state of every model."""
        ...

    async def warnings(self) -> list[str]:
        """Return what keeps jobs from being done."""
        ...

    async def names(self) -> KnownNames:
        """Return what a job may name."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...

    def abandon(self) -> None:
        """Let go of every connection without a wait, where nobody closed them; from any thread."""
        ...
