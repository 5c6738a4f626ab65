"""Keeps a bounded number of jobs in flight: takes some, submits them, and hands on each as it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence, Sized
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from pointsman.router.runtime.cancellation import stop
from pointsman.router.vocabulary.errors import Conflict, InvalidJob, PointsmanError, UnknownJob
from pointsman.router.vocabulary.job import JobRecord, JobSpec

from ..errors import ApiError
from .progress import PROGRESS_SECONDS, OnProgress, ProgressTimer, Tally, ignore_progress
from .retry import OnTrouble, ignore_trouble, with_retries
from .run_record import RunRecord
from .source import Items, ItemSource
from .specs import JOBS, Job, SubmitFields, make_spec, portions
from .transports import ClientTransport
from .wait import finished

WINDOW = 4000
"""Jobs in flight by default: enough to keep hundreds of slots busy, and little for Redis to hold."""
WATCHED_AT_ONCE = 1000
"""What is left of several submits is watched together while it is no more than this."""

Tag = TypeVar("Tag")


@dataclass(frozen=True)
class Item(Generic[Tag]):
    """A job to be done, and what its caller knows it by."""

    tag: Tag
    spec: JobSpec


@dataclass(frozen=True)
class JobEnd(Generic[Tag]):
    """How a job ended, or why it was not accepted: then there is an error and no record."""

    tag: Tag
    record: JobRecord | None
    error: PointsmanError | None = None


@dataclass(frozen=True)
class _Watch:
    waiting: dict[str, None]
    task: asyncio.Task[None]


Take = Callable[[int], Awaitable[Sequence[Item[Tag]] | None]]
"""Returns the next jobs, at most so many, maybe none for now; None when there are no more."""


class JobWindow(Generic[Tag]):
    """Runs while its block does; what is submitted by then goes on by itself."""

    def __init__(
        self,
        transport: ClientTransport,
        take: Take[Tag],
        *,
        window: int = WINDOW,
        retries: int = 4,
        on_trouble: OnTrouble = ignore_trouble,
    ) -> None:
        self._transport, self._take, self._window, self._retries, self._on_trouble = (
            transport,
            take,
            window,
            retries,
            on_trouble,
        )
        self._in_flight = 0
        self._tags: dict[str, list[Tag]] = {}
        self._ended: list[JobEnd[Tag]] = []
        self._watches: list[_Watch] = []
        self._all_taken = False
        self._failure: Exception | None = None
        self._changed, self._room = asyncio.Event(), asyncio.Event()
        self._filling: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._filling = asyncio.create_task(self._guarded(self._fill()), name="pointsman-window")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._filling is not None:
            await stop(self._filling)
        await stop(*(watch.task for watch in self._watches))

    @property
    def job_ids(self) -> list[str]:
        """The jobs that are in flight now."""
        return list(self._tags)

    async def next_ends(self, seconds: float) -> list[JobEnd[Tag]] | None:
        """Return what has ended by now, after a wait of at most `seconds` for the first; None when all have."""
        if not self._changed.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
        self._changed.clear()
        if self._failure is not None:
            raise self._failure
        found, self._ended = self._ended, []
        self._in_flight -= len(found)
        self._room.set()
        if not found and self._all_taken and not self._in_flight:
            return None
        if self._all_taken and not self._in_flight:
            self._changed.set()
        return found

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # whoever asks for ends gets it
            self._failure = self._failure or error
            self._changed.set()

    async def _fill(self) -> None:
        while (items := await self._take(await self._free_slots())) is not None:
            self._in_flight += len(items)
            at = 0
            for portion in portions(item.spec for item in items):
                await self._submit(items[at : at + len(portion)])
                at += len(portion)
        self._all_taken = True
        self._changed.set()

    async def _free_slots(self) -> int:
        """Return how many jobs may come now, once it is worth a round trip."""
        least = max(1, min(JOBS, self._window // 8))
        while (free := self._window - self._in_flight) < least:
            self._room.clear()
            await self._room.wait()
        return min(free, JOBS)

    async def _submit(self, items: Sequence[Item[Tag]]) -> None:
        """Submit jobs; where one of them is refused, find out which by halves: to submit twice changes nothing."""
        specs = [item.spec for item in items]
        try:
            ids = await with_retries(
                lambda: self._transport.submit_many(specs), retries=self._retries, on_trouble=self._on_trouble
            )
        except (InvalidJob, Conflict, ApiError) as error:
            if not _concerns_a_job(error):
                raise
            if len(items) == 1:
                self._end(items[0].tag, None, error)
                return
            half = len(items) // 2
            await self._submit(items[:half])
            await self._submit(items[half:])
            return
        for job_id, item in zip(ids, items, strict=True):
            self._tags.setdefault(job_id, []).append(item.tag)
        await self._watch(ids)

    async def _watch(self, job_ids: Sequence[str]) -> None:
        """Watch jobs, together with what is left of earlier ones, so that there are never many connections."""
        waiting = dict.fromkeys(job_ids)
        self._watches = [watch for watch in self._watches if not watch.task.done()]
        for watch in sorted(self._watches, key=lambda watch: len(watch.waiting)):
            if len(waiting) + len(watch.waiting) > WATCHED_AT_ONCE:
                break
            await stop(watch.task)
            self._watches.remove(watch)
            waiting.update(watch.waiting)
        task = asyncio.create_task(self._guarded(self._until_ended(waiting)), name="pointsman-watch")
        self._watches.append(_Watch(waiting, task))

    async def _until_ended(self, waiting: dict[str, None]) -> None:
        while waiting:
            try:
                async for record in finished(
                    self._transport, waiting, retries=self._retries, on_trouble=self._on_trouble
                ):
                    self._end_all(record.id, record)
            except UnknownJob as error:  # Redis has lost it, or its record has expired: the others go on
                waiting.pop(error.job_id, None)
                self._end_all(error.job_id, None, error)

    def _end_all(self, job_id: str, record: JobRecord | None, error: PointsmanError | None = None) -> None:
        for tag in self._tags.pop(job_id, ()):
            self._end(tag, record, error)

    def _end(self, tag: Tag, record: JobRecord | None, error: PointsmanError | None) -> None:
        self._ended.append(JobEnd(tag, record, error))
        self._changed.set()


def _concerns_a_job(error: PointsmanError) -> bool:
    """Whether the error says that one of the jobs is wrong, and not something that concerns all of them."""
    return not isinstance(error, ApiError) or error.status in (400, 413, 422)


async def run_many(
    transport: ClientTransport,
    jobs: Items[Job],
    fields: SubmitFields,
    *,
    window: int,
    retries: int,
    progress: OnProgress = ignore_progress,
) -> AsyncGenerator[RunRecord, None]:
    """Yield the record of each job as it ends; raises what the jobs or `progress` raise, and what a submit does."""
    item_source, tally, timer = (
        ItemSource(jobs),
        Tally(len(jobs) if isinstance(jobs, Sized) else None),
        ProgressTimer(),
    )

    async def take(most: int) -> Sequence[Item[Job]] | None:
        some = await item_source.take(most)
        if some is None:
            return None
        tally.submitted += len(some)
        return [Item(job, make_spec(job, fields)) for job in some]

    try:
        async with JobWindow(
            transport, take, window=window, retries=retries, on_trouble=tally.note_trouble
        ) as job_window:
            while (ends := await job_window.next_ends(PROGRESS_SECONDS)) is not None:
                for end in ends:
                    yield _counted(end, tally)
                    if timer.due():
                        progress(tally.progress())
        progress(tally.progress())
    finally:
        await item_source.close()


def _counted(end: JobEnd[Job], tally: Tally) -> RunRecord:
    if end.record is None:
        raise end.error or RuntimeError("a job ended without a record")
    result = end.record.result
    tally.add(succeeded=result is not None, cost_usd=result.cost_usd if result else None)
    return RunRecord.of(end.record, end.tag)
