"""The client for programs without asyncio: the same methods, run on one background thread."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from pointsman.router.runtime.cancellation import stop
from pointsman.router.vocabulary.delivery import Delivery, DeliveryState
from pointsman.router.vocabulary.job import JobRecord, JobResult, JobState
from pointsman.router.vocabulary.views import Explanation, ModelView

from .asyncio import HERE, AsyncClient
from .hand_over import AHEAD, HandOver
from .progress import OnProgress, Progress, ignore_progress
from .run_record import RunRecord
from .source import Items
from .specs import DeadFields, Job, SubmitFields
from .window import WINDOW

if TYPE_CHECKING:  # who runs no batch does not pay for it
    from ..file_run import BatchFields, BatchSummary, Estimate, Input

Result = TypeVar("Result")


class Client:
    """Submits jobs and waits for their ends; every method does what AsyncClient's does. Threads may share it."""

    def __init__(
        self,
        url: str = HERE,
        api_key: str | None = None,
        *,
        models_file: Path | str | None = None,
        key_prefix: str | None = None,
        retries: int = 4,
    ) -> None:
        self._client = AsyncClient(url, api_key, models_file=models_file, key_prefix=key_prefix, retries=retries)
        self._loop = asyncio.new_event_loop()
        # a daemon: a program that forgets to close its client still ends
        self._thread = threading.Thread(target=_run, args=(self._loop,), name="pointsman-client", daemon=True)
        self._thread.start()
        self._closing = threading.Lock()

    def submit(self, job: Job | None = None, **fields: Unpack[SubmitFields]) -> str:
        """Submit one job and return its id; raises InvalidJob and Conflict."""
        return self._run(self._client.submit(job, **fields))

    def submit_many(self, jobs: Iterable[Job], **fields: Unpack[SubmitFields]) -> list[str]:
        """Submit jobs in portions and return their ids in order; `fields` go for all of them."""
        return self._run(self._client.submit_many(jobs, **fields))

    def run_many(
        self,
        jobs: Items[Job],
        *,
        window: int = WINDOW,
        progress: OnProgress = ignore_progress,
        **fields: Unpack[SubmitFields],
    ) -> Iterator[RunRecord]:
        """Submit jobs and yield the record of each as it ends, with at most `window` of them in flight.

        The record's `job` is what was given for it: the prompt, the spec or the mapping.
        `jobs` are asked for, and `progress` is told, on threads of the client.
        """
        return self._iterate(self._client.run_many(jobs, window=window, progress=progress, **fields))

    def batch(
        self,
        jobs: Input | Items[Job],
        output: Path | str | None = None,
        *,
        progress: OnProgress = ignore_progress,
        **options: Unpack[BatchFields],
    ) -> BatchSummary:
        """Run a file of lines, or jobs that come from elsewhere, and write the results in their order.

        `progress` is called on the caller's thread; Ctrl-C ends the run, which goes on when it is called again.
        """
        with closing(self._iterate(self._client.batch_steps(jobs, output, **options))) as steps:
            for step in steps:
                if not isinstance(step, Progress):
                    return step
                progress(step)
        raise RuntimeError("a batch ended without a summary")

    def cancel_batch(
        self, jobs: Input | Items[Job], output: Path | str | None = None, **options: Unpack[BatchFields]
    ) -> int:
        """Cancel the jobs that an interrupted `batch` has in flight, and return how many; raises ConfigError."""
        return self._run(self._client.cancel_batch(jobs, output, **options))

    def estimate_batch(self, jobs: Input | Items[Job], **options: Unpack[BatchFields]) -> Estimate:
        """Return what a `batch` is expected to take: classes, models, tokens, price, time; nothing is sent."""
        return self._run(self._client.estimate_batch(jobs, **options))

    def get(self, job_id: str) -> JobRecord:
        """Return all that is known of a job now; raises UnknownJob."""
        return self._run(self._client.get(job_id))

    def result(self, job_id: str, timeout: float | None = None) -> JobResult:
        """Wait for a job and return its result; raises JobFailed where it has none, TimeoutError, UnknownJob."""
        return self._run(self._client.result(job_id, timeout))

    def wait(self, job_ids: Iterable[str], timeout: float | None = None) -> list[JobRecord]:
        """Wait until all the jobs have ended and return their records in the order asked; raises TimeoutError."""
        return self._run(self._client.wait(job_ids, timeout))

    def as_finished(self, job_ids: Iterable[str], timeout: float | None = None) -> Iterator[JobRecord]:
        """Yield the record of each job once, in the order of their ends; raises TimeoutError after `timeout` s."""
        return self._iterate(self._client.as_finished(job_ids, timeout))

    def _iterate(self, items: AsyncGenerator[Result, None], ahead: int = AHEAD) -> Generator[Result, None, None]:
        """Yield what the background loop yields, which is never more than `ahead` before its reader.

        Who stops early stops it too, and waits until it has ended.
        """
        hand_over = HandOver(items, ahead)
        try:
            while found := self._run(hand_over.take()):
                yield from found
        finally:
            self._stop(hand_over)

    def _stop(self, hand_over: HandOver[Any]) -> None:
        """End a hand-over and wait for that; the loop itself, which may collect garbage, cannot wait."""
        if threading.current_thread() is not self._thread:
            if not self._loop.is_closed():
                self._run(hand_over.close())
        elif hand_over.task is not None:
            hand_over.task.cancel()

    def cancel(self, job_id: str) -> JobState:
        """Cancel a job, wherever it is, and return its state now: an ended job stays as it is."""
        return self._run(self._client.cancel(job_id))

    def retry(self, job_id: str) -> JobState:
        """Let a failed or expired job begin anew, and return its state now: any other job stays as it is."""
        return self._run(self._client.retry(job_id))

    def dead(self, limit: int = 100, **which: Unpack[DeadFields]) -> list[JobRecord]:
        """Return up to about `limit` failed and expired jobs, the last to end first; `which` as in DeadFilter."""
        return self._run(self._client.dead(limit, **which))

    def retry_dead(self, **which: Unpack[DeadFields]) -> Iterator[list[str]]:
        """Let all dead letters that fit begin anew, a page at a time; yields the ids of each page."""
        return self._iterate(self._client.retry_dead(**which), ahead=1)  # a page that nobody reads is not retried

    def deliveries(self, state: str = DeliveryState.DEAD, limit: int = 100) -> list[Delivery]:
        """Return up to `limit` webhook deliveries that are dead, waiting or delivered, the last of them first."""
        return self._run(self._client.deliveries(state, limit))

    def redeliver(self, delivery_id: str) -> DeliveryState:
        """Send a webhook again, and return its state now; raises UnknownDelivery."""
        return self._run(self._client.redeliver(delivery_id))

    def explain(self, job: Job | None = None, **fields: Unpack[SubmitFields]) -> Explanation:
        """Return where a job would go if it came now, and why; nothing is submitted."""
        return self._run(self._client.explain(job, **fields))

    def models(self) -> list[ModelView]:
        """Return every model with its live depth, workers, rates and health."""
        return self._run(self._client.models())

    def warnings(self) -> list[str]:
        """Return what keeps jobs from being done, in words: no dispatcher, no worker, a refused key."""
        return self._run(self._client.warnings())

    def close(self) -> None:
        """Close every connection and end the thread; a second call does nothing."""
        with self._closing:
            if self._loop.is_closed():
                return
            self._run(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    async def _end(self) -> None:
        await stop(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))
        await self._client.close()

    def _start(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        if self._loop.is_closed():
            work.close()
            raise RuntimeError("the client is closed")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run on the background loop; what interrupts the wait, such as Ctrl-C, cancels the work."""
        future = self._start(work)
        try:
            return future.result()
        except CancelledError as error:  # another thread has closed the client
            raise RuntimeError("the client was closed meanwhile") from error
        finally:
            future.cancel()

    def __del__(self) -> None:
        if (thread := getattr(self, "_thread", None)) is None or not thread.is_alive():
            return
        self._client.abandon("Client: use `with Client(...) as client:`, or call its close()")
        if not sys.is_finalizing():  # else no thread runs any more
            asyncio.run_coroutine_threadsafe(_close(self._client), self._loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


async def _close(client: AsyncClient) -> None:
    await client.close()
    asyncio.get_running_loop().stop()
