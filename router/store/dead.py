"""Dead letters: jobs that failed or expired, by error kind, and the way back for them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from redis.exceptions import ResponseError

from ..vocabulary.errors import ErrorKind, UnknownJob
from ..vocabulary.job import JobState
from ..vocabulary.views import DeadFilter, DeadPage, RetriedPage
from .calls import Change, RetryJob
from .connection import translated
from .jobs import JobStore
from .scripts import Scripts, milliseconds

log = logging.getLogger("pointsman.jobs")


class DeadStore:
    """Lists dead letters and lets them begin anew."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs, self._redis, self._keys = jobs, jobs.redis, jobs.keys
        self._scripts = Scripts(jobs.redis, jobs.keys)

    async def page(self, wanted: DeadFilter, *, limit: int) -> DeadPage:
        """Return about `limit` dead letters, the last to end first; those of one millisecond stay together."""
        ended = await self._ended(wanted, limit)
        newest = sorted(ended, key=lambda job_id: -ended[job_id])
        cursor = None
        if len(newest) >= limit:
            last = ended[newest[limit - 1]]
            ended = {**ended, **await self._ended(wanted.model_copy(update={"since": last, "until": last}), None)}
            newest = sorted((job for job in ended if ended[job] >= last), key=lambda job_id: -ended[job_id])
            cursor = last - 0.001
        records = await self._jobs.get_many(newest)
        return DeadPage([record for record in records if record is not None and wanted.picks(record)], cursor)

    async def _ended(self, wanted: DeadFilter, limit: int | None) -> Mapping[str, float]:
        """Return when each of the newest ended, at most `limit` of each kind, in Unix seconds."""
        oldest = "-inf" if wanted.since is None else milliseconds(wanted.since)
        latest = "+inf" if wanted.until is None else milliseconds(wanted.until)
        with translated():
            pipeline = self._redis.pipeline(transaction=False)
            for kind in wanted.kind or tuple(ErrorKind):
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

    async def retry_page(self, wanted: DeadFilter, *, limit: int) -> RetriedPage:
        """Let a page of dead letters begin anew; what fails again meanwhile is behind its cursor, not before it."""
        page = await self.page(wanted, limit=limit)
        ids = [record.id for record in page.jobs]
        states = await self.retry_many(ids)
        again = [job_id for job_id, state in zip(ids, states, strict=True) if state is JobState.PENDING]
        return RetriedPage(again, page.cursor)

    async def retry_many(self, job_ids: Sequence[str]) -> list[JobState | None]:
        """Let dead letters begin anew, in one round trip; returns each job's state now, None for an unknown one."""
        answers = await self._scripts.try_many([RetryJob(id=job_id).pack() for job_id in job_ids])
        return [_state_after(job_id, answer) for job_id, answer in zip(job_ids, answers, strict=True)]


def _state_after(job_id: str, answer: Change | Exception) -> JobState | None:
    """Return a job's state now, None for one that is unknown, or so damaged that it cannot be retried."""
    if isinstance(answer, ResponseError):
        log.warning("job %s cannot be retried: %s", job_id, answer)
        return None
    if isinstance(answer, Exception):
        raise answer
    return None if answer.after is None else JobState(answer.after)
