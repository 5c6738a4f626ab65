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
from .progress import TELL_SECONDS, Pace, Tally, Tell, untold
from .retry import OnRetry, patiently, unheard
from .source import Items, Pull
from .specs import JOBS, Job, JobFields, make_spec, portions
from .transports import Door
from .wait import finished

WINDOW = 4000
"""Jobs in flight unless told otherwise: enough to keep hundreds of slots busy, and little for Redis to hold."""
WATCHED_AT_ONCE = 1000
"""What is left of several submits is watched together while it is no more than this."""

Tag = TypeVar("Tag")


@dataclass(frozen=True)
class Item(Generic[Tag]):
    """A job to be done, and what its caller knows it by."""

    tag: Tag
    spec: JobSpec


@dataclass(frozen=True)
class End(Generic[Tag]):
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


class Flow(Generic[Tag]):
    """Runs while its block does; what is submitted by then goes on by itself."""

    def __init__(
        self, door: Door, take: Take[Tag], *, window: int = WINDOW, retries: int = 4, tell: OnRetry = unheard
    ) -> None:
        self._door, self._take, self._window, self._retries, self._tell = door, take, window, retries, tell
        self._in_flight = 0
        self._tags: dict[str, list[Tag]] = {}
        self._ended: list[End[Tag]] = []
        self._watches: list[_Watch] = []
        self._all_taken = False
        self._failure: Exception | None = None
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._feeding: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._feeding = asyncio.create_task(self._guarded(self._feed()), name="pointsman-flow")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._feeding is not None:
            await stop(self._feeding)
        await stop(*(watch.task for watch in self._watches))

    @property
    def job_ids(self) -> list[str]:
        """The jobs that are in flight now."""
        return list(self._tags)

    async def ends(self, seconds: float) -> list[End[Tag]] | None:
        """Return what has ended by now, after a wait of at most `seconds` for the first; None when all have."""
        if not self._news.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()
        self._news.clear()
        if self._failure is not None:
            raise self._failure
        found, self._ended = self._ended, []
        self._in_flight -= len(found)
        self._room.set()
        if not found and self._all_taken and not self._in_flight:
            return None
        if self._all_taken and not self._in_flight:
            self._news.set()
        return found

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # whoever asks for ends gets it
            self._failure = self._failure or error
            self._news.set()

    async def _feed(self) -> None:
        while (items := await self._take(await self._places())) is not None:
            self._in_flight += len(items)
            at = 0
            for portion in portions(item.spec for item in items):
                await self._submit(items[at : at + len(portion)])
                at += len(portion)
        self._all_taken = True
        self._news.set()

    async def _places(self) -> int:
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
            ids = await patiently(lambda: self._door.submit_many(specs), retries=self._retries, tell=self._tell)
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
                async for record in finished(self._door, waiting, retries=self._retries, tell=self._tell):
                    self._all_end(record.id, record)
            except UnknownJob as error:  # Redis has lost it, or its record has expired: the others go on
                waiting.pop(error.job_id, None)
                self._all_end(error.job_id, None, error)

    def _all_end(self, job_id: str, record: JobRecord | None, error: PointsmanError | None = None) -> None:
        for tag in self._tags.pop(job_id, ()):
            self._end(tag, record, error)

    def _end(self, tag: Tag, record: JobRecord | None, error: PointsmanError | None) -> None:
        self._ended.append(End(tag, record, error))
        self._news.set()


def _concerns_a_job(error: PointsmanError) -> bool:
    """Whether the error says that one of the jobs is wrong, and not something that concerns all of them."""
    return not isinstance(error, ApiError) or error.status in (400, 413, 422)


async def run_many(
    door: Door, jobs: Items[Job], fields: JobFields, *, window: int, retries: int, progress: Tell = untold
) -> AsyncGenerator[JobRecord, None]:
    """Yield the record of each job as it ends; raises what the jobs or `progress` raise, and what a submit does."""
    pull, tally, pace = Pull(jobs), Tally(len(jobs) if isinstance(jobs, Sized) else None), Pace()

    async def take(most: int) -> Sequence[Item[None]] | None:
        some = await pull.some(most)
        if some is None:
            return None
        tally.submitted += len(some)
        return [Item(None, make_spec(job, fields)) for job in some]

    try:
        async with Flow(door, take, window=window, retries=retries, tell=tally.note_trouble) as flow:
            while (ends := await flow.ends(TELL_SECONDS)) is not None:
                for end in ends:
                    yield _counted(end, tally)
                    if pace.due():
                        progress(tally.progress())
        progress(tally.progress())
    finally:
        await pull.close()


def _counted(end: End[None], tally: Tally) -> JobRecord:
    if end.record is None:
        raise end.error or RuntimeError("a job ended without a record")
    result = end.record.result
    tally.add(succeeded=result is not None, cost_usd=result.cost_usd if result else None)
    return end.record
