"""The client for asyncio programs."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from pointsman.router.runtime.cancellation import stop
from pointsman.router.vocabulary.delivery import Delivery, DeliveryState
from pointsman.router.vocabulary.errors import JobFailed
from pointsman.router.vocabulary.job import JobRecord, JobResult, JobSpec, JobState
from pointsman.router.vocabulary.views import (
    DeadFilter,
    DeadPage,
    DeliveryPage,
    Explanation,
    ModelView,
    RetriedPage,
)

from .progress import OnProgress, Progress, ignore_progress
from .retry import with_retries
from .run_record import RunRecord
from .source import Items
from .specs import DeadFields, Job, SubmitFields, make_spec, portions
from .submission import Submission
from .transports import open_transport
from .wait import finished
from .window import WINDOW, run_many

if TYPE_CHECKING:  # who runs no batch does not pay for it
    from ..file_run import BatchFields, BatchSummary, Estimate, Input

PAGE = 500
"""Dead letters, or deliveries, asked for at once."""
HERE = "http://127.0.0.1:8300"


class AsyncClient:
    """Submits jobs and waits for their ends.

    `url` is that of the API, or one of Redis (as in POINTSMAN_REDIS_URL) to go straight there; only then
    `models_file` and `key_prefix` matter, which default to the settings. What fails because the API or Redis is
    away is tried again `retries` times; then StoreUnavailable is raised.
    """

    def __init__(
        self,
        url: str = HERE,
        api_key: str | None = None,
        *,
        models_file: Path | str | None = None,
        key_prefix: str | None = None,
        retries: int = 4,
    ) -> None:
        self._closed = True  # until there is something to close
        self._transport = open_transport(url, api_key=api_key, models_file=models_file, key_prefix=key_prefix)
        self._retries, self._closed = retries, False

    async def submit(self, job: Job | None = None, **fields: Unpack[SubmitFields]) -> str:
        """Submit one job and return its id; raises InvalidJob and Conflict."""
        return (await self._submit([make_spec(job, fields)]))[0]

    def submit_many(
        self,
        jobs: Items[Job],
        *,
        window: int = WINDOW,
        progress: OnProgress = ignore_progress,
        **fields: Unpack[SubmitFields],
    ) -> Submission:
        """Submit many jobs; `fields` go for all of them.

        `ids = await client.submit_many(jobs)` submits all of them and returns their ids in order. All are checked
        before the first is sent; after another error the earlier portions are submitted already.

        `async for record in client.submit_many(jobs)` is `run_many`, for jobs without end too.
        """
        return Submission(
            lambda: self._submit_all(jobs, fields),
            lambda: self.run_many(jobs, window=window, progress=progress, **fields),
        )

    async def _submit_all(self, jobs: Items[Job], fields: SubmitFields) -> list[str]:
        given = [job async for job in jobs] if isinstance(jobs, AsyncIterable) else jobs
        specs = [make_spec(job, fields) for job in given]
        ids: list[str] = []
        for portion in portions(specs):
            ids += await self._submit(portion)
        return ids

    def run_many(
        self,
        jobs: Items[Job],
        *,
        window: int = WINDOW,
        progress: OnProgress = ignore_progress,
        **fields: Unpack[SubmitFields],
    ) -> AsyncGenerator[RunRecord, None]:
        """Submit jobs and yield the record of each as it ends, with at most `window` of them in flight.

        The record's `job` is what was given for it: the prompt, the spec or the mapping.
        `jobs` may be an async iterable, slow, or without end; `progress` is told a few times a second while jobs
        end. What the jobs, `progress` or a job that cannot be accepted raise ends it; who stops early closes it,
        as `contextlib.aclosing` does. What is submitted by then goes on by itself.
        """
        return run_many(self._transport, jobs, fields, window=window, retries=self._retries, progress=progress)

    async def batch(
        self,
        jobs: Input | Items[Job],
        output: Path | str | None = None,
        *,
        progress: OnProgress = ignore_progress,
        **options: Unpack[BatchFields],
    ) -> BatchSummary:
        """Run a file of lines, or jobs that come from elsewhere, and write the results in their order.

        `jobs` is a path to JSON Lines (OpenAI's batch lines, job objects, prompts, mixed at will), or an iterable
        of jobs. What is interrupted goes on where the same call is made again. Raises ConfigError.
        """
        async with aclosing(self.batch_steps(jobs, output, **options)) as steps:
            async for step in steps:
                if not isinstance(step, Progress):
                    return step
                progress(step)
        raise RuntimeError("a batch ended without a summary")

    def batch_steps(
        self, jobs: Input | Items[Job], output: Path | str | None = None, **options: Unpack[BatchFields]
    ) -> AsyncGenerator[Progress | BatchSummary, None]:
        """Do what `batch` does, and yield the progress some times a second, and at last the summary."""
        from ..file_run import batch_steps  # noqa: PLC0415 # see above

        return batch_steps(self._transport, jobs, output, options, retries=self._retries)

    async def cancel_batch(
        self, jobs: Input | Items[Job], output: Path | str | None = None, **options: Unpack[BatchFields]
    ) -> int:
        """Cancel the jobs that an interrupted `batch` has in flight, and return how many; raises ConfigError."""
        from ..file_run import cancel_batch  # noqa: PLC0415 # see above

        return await cancel_batch(self._transport, jobs, output, options, retries=self._retries)

    async def estimate_batch(self, jobs: Input | Items[Job], **options: Unpack[BatchFields]) -> Estimate:
        """Return what a `batch` is expected to take: classes, models, tokens, price, time; nothing is sent."""
        from ..file_run import estimate_batch  # noqa: PLC0415 # see above

        return await estimate_batch(self._transport, jobs, options, retries=self._retries)

    async def _submit(self, specs: list[JobSpec]) -> list[str]:
        return await with_retries(lambda: self._transport.submit_many(specs), retries=self._retries)

    async def get(self, job_id: str) -> JobRecord:
        """Return all that is known of a job now; raises UnknownJob."""
        return await with_retries(lambda: self._transport.get(job_id), retries=self._retries)

    async def result(self, job_id: str, timeout: float | None = None) -> JobResult:  # noqa: ASYNC109 # as in asyncio's own wait
        """Wait for a job and return its result; raises JobFailed where it has none, TimeoutError, UnknownJob."""
        record = (await self.wait([job_id], timeout))[0]
        if record.result is not None:
            return record.result
        if record.error is not None:
            raise JobFailed(record.error.kind, record.error.message)
        raise JobFailed("expired", "the job succeeded, but its result has expired")

    async def wait(self, job_ids: Iterable[str], timeout: float | None = None) -> list[JobRecord]:  # noqa: ASYNC109 # as in asyncio's own wait
        """Wait until all the jobs have ended and return their records in the order asked; raises TimeoutError."""
        ids = list(job_ids)
        found = {record.id: record async for record in self.as_finished(ids, timeout)}
        return [found[job_id] for job_id in ids]

    async def as_finished(
        self,
        job_ids: Iterable[str],
        timeout: float | None = None,  # noqa: ASYNC109 # as in asyncio's own as_completed
    ) -> AsyncGenerator[JobRecord, None]:
        """Yield the record of each job once, in the order of their ends; raises TimeoutError after `timeout` s."""
        clock = asyncio.get_running_loop().time
        until = None if timeout is None else clock() + timeout
        async with aclosing(self._finished(job_ids)) as records:
            while True:
                left = None if until is None else max(0.0, until - clock())
                step = asyncio.create_task(_next(records))
                try:
                    await asyncio.wait([step], timeout=left)
                    if not step.done():
                        raise TimeoutError(f"not all of the jobs ended within {timeout:g} s")
                finally:
                    await stop(step)
                if (record := step.result()) is None:
                    return
                yield record

    def _finished(self, job_ids: Iterable[str]) -> AsyncGenerator[JobRecord, None]:
        return finished(self._transport, dict.fromkeys(job_ids), retries=self._retries)

    async def cancel(self, job_id: str) -> JobState:
        """Cancel a job, wherever it is, and return its state now: an ended job stays as it is."""
        return await with_retries(lambda: self._transport.cancel(job_id), retries=self._retries)

    async def retry(self, job_id: str) -> JobState:
        """Let a failed or expired job begin anew, and return its state now: any other job stays as it is."""
        return await with_retries(lambda: self._transport.retry(job_id), retries=self._retries)

    async def dead(self, limit: int = 100, **which: Unpack[DeadFields]) -> list[JobRecord]:
        """Return up to about `limit` failed and expired jobs, the last to end first; `which` as in DeadFilter."""
        wanted, found = DeadFilter.model_validate(which), list[JobRecord]()
        while len(found) < limit:
            page = await self._dead_page(wanted, min(PAGE, limit))
            found += page.jobs
            if page.cursor is None:
                break
            wanted = wanted.model_copy(update={"until": page.cursor})
        return found

    async def _dead_page(self, wanted: DeadFilter, limit: int) -> DeadPage:
        return await with_retries(lambda: self._transport.dead(wanted, limit=limit), retries=self._retries)

    async def retry_dead(self, **which: Unpack[DeadFields]) -> AsyncGenerator[list[str], None]:
        """Let all dead letters that fit begin anew, a page at a time; yields the ids of each page."""
        wanted: DeadFilter | None = DeadFilter.model_validate(which)
        while wanted is not None:
            page = await self._retried_page(wanted)
            yield page.ids
            wanted = None if page.cursor is None else wanted.model_copy(update={"until": page.cursor})

    async def _retried_page(self, wanted: DeadFilter) -> RetriedPage:
        return await with_retries(lambda: self._transport.retry_dead(wanted, limit=PAGE), retries=self._retries)

    async def deliveries(self, state: str = DeliveryState.DEAD, limit: int = 100) -> list[Delivery]:
        """Return up to `limit` webhook deliveries that are dead, waiting or delivered, the last of them first."""
        wanted, found, cursor = DeliveryState(state), list[Delivery](), None
        while len(found) < limit:
            page = await self._delivery_page(wanted, cursor)
            found += page.deliveries
            if (cursor := page.cursor) is None:
                break
        return found[:limit]

    async def _delivery_page(self, state: DeliveryState, cursor: int | None) -> DeliveryPage:
        return await with_retries(
            lambda: self._transport.deliveries(state, limit=PAGE, cursor=cursor), retries=self._retries
        )

    async def redeliver(self, delivery_id: str) -> DeliveryState:
        """Send a webhook again, and return its state now; raises UnknownDelivery."""
        return await with_retries(lambda: self._transport.redeliver(delivery_id), retries=self._retries)

    async def explain(self, job: Job | None = None, **fields: Unpack[SubmitFields]) -> Explanation:
        """Return where a job would go if it came now, and why; nothing is submitted. Raises InvalidJob."""
        spec = make_spec(job, fields)
        return await with_retries(lambda: self._transport.explain(spec), retries=self._retries)

    async def models(self) -> list[ModelView]:
        """Return every model with its live depth, workers, rates and health."""
        return await with_retries(self._transport.models, retries=self._retries)

    async def warnings(self) -> list[str]:
        """Return what keeps jobs from being done, in words: no dispatcher, no worker, a refused key."""
        return await with_retries(self._transport.warnings, retries=self._retries)

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        await self._transport.close()

    def abandon(self, unclosed: str) -> None:
        """Warn of a client that nobody closed, and let go of its connections; from any thread."""
        if not self._closed:
            self._closed = True
            warnings.warn(f"unclosed pointsman {unclosed}", ResourceWarning, source=self, stacklevel=3)
            self._transport.abandon()

    def __del__(self) -> None:
        self.abandon("AsyncClient: use `async with AsyncClient(...) as client:`, or await its close()")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _next(records: AsyncGenerator[JobRecord, None]) -> JobRecord | None:
    return await anext(records, None)
