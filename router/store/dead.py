"""Dead letters: jobs that failed or expired, by error kind, and the way back for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, field_validator

from ..chat import Frozen
from ..errors import ErrorKind, UnknownJob
from ..job import DEAD, JobRecord, JobState
from .connection import translated
from .jobs import JobStore
from .scripts import Scripts
from .units import milliseconds


class DeadFilter(Frozen):
    """Which dead letters: of these kinds (none: all), ended between two Unix times, and of this model and so on."""

    kind: tuple[ErrorKind, ...] = ()
    since: float | None = Field(default=None, ge=0)
    until: float | None = Field(default=None, ge=0)
    model: str | None = None
    task_class: str | None = None
    tenant: str | None = None

    @field_validator("kind", mode="before")
    @classmethod
    def _one_is_a_row(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def picks(self, record: JobRecord) -> bool:
        """Whether a job is one of those asked for, as far as the index of kinds can not tell."""
        wanted = {"model": self.model, "task_class": self.task_class, "tenant": self.tenant}
        return record.state in DEAD and all(
            value is None or getattr(record, name) == value for name, value in wanted.items()
        )


@dataclass(frozen=True)
class DeadPage:
    """Some dead letters, the last to end first; `cursor` is the `until` of the next page, None at the end."""

    jobs: list[JobRecord]
    cursor: float | None


@dataclass(frozen=True)
class RetriedPage:
    """The jobs of one page that begin anew; `cursor` as of a DeadPage."""

    ids: list[str]
    cursor: float | None


class DeadStore:
    """Lists dead letters and lets them begin anew."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs, self._redis, self._keys = jobs, jobs.redis, jobs.keys
        self._scripts = Scripts(jobs.redis, jobs.keys)

    async def page(self, asked: DeadFilter, *, limit: int) -> DeadPage:
        """Return about `limit` dead letters, the last to end first; those of one millisecond stay together."""
        ended = await self._ended(asked, limit)
        newest = sorted(ended, key=lambda job_id: -ended[job_id])
        cursor = None
        if len(newest) >= limit:
            last = ended[newest[limit - 1]]
            ended = {**ended, **await self._ended(asked.model_copy(update={"since": last, "until": last}), None)}
            newest = sorted((job for job in ended if ended[job] >= last), key=lambda job_id: -ended[job_id])
            cursor = last - 0.001
        records = await self._jobs.get_many(newest)
        return DeadPage([record for record in records if record is not None and asked.picks(record)], cursor)

    async def _ended(self, asked: DeadFilter, limit: int | None) -> Mapping[str, float]:
        """Return when each of the newest ended, at most `limit` of each kind, in Unix seconds."""
        oldest = "-inf" if asked.since is None else milliseconds(asked.since)
        latest = "+inf" if asked.until is None else milliseconds(asked.until)
        with translated():
            pipeline = self._redis.pipeline(transaction=False)
            for kind in asked.kind or tuple(ErrorKind):
                key = self._keys.key("dead", kind)
                count: dict[str, Any] = {} if limit is None else {"offset": 0, "num": limit}
                pipeline.zrange(key, latest, oldest, desc=True, byscore=True, withscores=True, **count)
            rows: Any = await pipeline.execute()
        return {job_id: float(ended) / 1000 for row in rows for job_id, ended in row}

    async def retry(self, job_id: str) -> JobState:
        """Let a dead letter begin anew; returns the state the job is in now. Raises UnknownJob."""
        state = (await self.retry_many([job_id]))[0]
        if state is None:
            raise UnknownJob(job_id)
        return state

    async def retry_page(self, asked: DeadFilter, *, limit: int) -> RetriedPage:
        """Let a page of dead letters begin anew; what fails again meanwhile is behind its cursor, not before it."""
        page = await self.page(asked, limit=limit)
        ids = [record.id for record in page.jobs]
        states = await self.retry_many(ids)
        again = [job_id for job_id, state in zip(ids, states, strict=True) if state is JobState.PENDING]
        return RetriedPage(again, page.cursor)

    async def retry_many(self, job_ids: Sequence[str]) -> list[JobState | None]:
        """Let dead letters begin anew, in one round trip; returns each job's state now, None for an unknown one."""
        answers = await self._scripts.run_many("retry_job", [("", job_id) for job_id in job_ids])
        return [None if answer[0] == "unknown" else JobState(answer[1]) for answer in answers]
