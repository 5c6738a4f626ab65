"""Reads one job for one caller: how it stands, what its model says, how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pointsman.router.runtime.cancellation import stop
from pointsman.router.store import Feed, News, Said
from pointsman.router.vocabulary.errors import PointsmanError, StoreUnavailable
from pointsman.router.vocabulary.job import JobRecord, JobState

from ...vendor_apis.openai import Asked, Fault, Refused
from ...vendor_apis.openai.chat import result_of
from ..failures import JOB_ID, NoAnswer, OutOfSight, fault_in, job_headers
from ..routes.submit import with_key
from .caller import REDIS_AWAY_SECONDS, Caller
from .until_end import hung_up

HEAD_SECONDS = 1.0
"""How long the head of a reply waits for the first words: a job that fails in this time has a status of its own."""


@dataclass(frozen=True)
class Signals:
    """Tasks that are done once the caller is gone, the server ends, the head is due, the wait is over."""

    gone: asyncio.Task[Any]
    stopping: asyncio.Task[Any]
    head_due: asyncio.Task[Any]
    wait_over: asyncio.Task[Any]


@asynccontextmanager
async def watching(caller: Caller, wake: Callable[[], None]) -> AsyncIterator[Signals]:
    """Yield the signals of one caller; `wake` is called at each."""
    tasks = [
        asyncio.create_task(hung_up(caller.request)),
        asyncio.create_task(caller.asker.backend.stopping.wait()),
        asyncio.create_task(asyncio.sleep(HEAD_SECONDS)),
        asyncio.create_task(asyncio.sleep(caller.seconds)),
    ]
    for task in tasks:
        task.add_done_callback(lambda _: wake())
    try:
        yield Signals(*tasks)
    finally:
        await stop(*tasks)


@dataclass
class Heard:
    """What was said under one binding, as far as it was passed on: `size` is its bytes of UTF-8."""

    binding: int
    size: int = 0

    def fresh(self, offset: int, text: str) -> str | None:
        """Return what is new in a piece that `offset` bytes go before, None where one before it is missing."""
        if offset > self.size:
            return None
        new = text.encode()[self.size - offset :]
        self.size += len(new)
        return new.decode()


class StreamWriter(Protocol):
    """Writes one answer in the shape of one door."""

    def begin(self, record: JobRecord) -> str:
        """Return what comes before the first words."""

    def say(self, text: str) -> str:
        """Return a piece of text."""

    def end(self, record: JobRecord) -> str:
        """Return what comes after the last words; raises Refused where this shape can not tell it."""

    def fail(self, fault: Fault, request_id: str) -> str:
        """Return what ends a stream that has no answer."""


class Reading:
    """One caller's reading of one job."""

    def __init__(self, caller: Caller, job_id: str, writer: StreamWriter) -> None:
        self.writer = writer
        self._caller, self._job_id = caller, job_id
        self._backend = caller.asker.backend
        self._record: JobRecord | None = None
        self._heard: Heard | None = None
        self._news: Feed | None = None
        self._over = False

    @property
    def headers(self) -> dict[str, str]:
        """What is certain of the job now; before it has spoken, its model is not."""
        if self._record is None:
            return {JOB_ID: self._job_id}
        certain = self._record.done or self._heard is not None
        return job_headers(self._record if certain else self._record.model_copy(update={"model": None}))

    async def frames(self) -> AsyncGenerator[str, None]:
        """Yield events and comments until the job has ended.

        Raises NoAnswer, Refused or UnknownJob where it ends otherwise, OutOfSight where Redis is away at the end.
        """
        async with watching(self._caller, self._wake) as signals:
            while not self._over:
                try:
                    async with self._backend.follower.following(self._job_id) as self._news:
                        async for item in self._news:
                            if frame := await self._hear(item, signals):
                                yield frame
                            if self._over:
                                break
                except StoreUnavailable as error:
                    if self._leaves(signals):
                        raise OutOfSight(self._job_id, joins=self._joins) from error
                    if signals.head_due.done():
                        yield _comment("pointsman waits for Redis")
                    await asyncio.sleep(REDIS_AWAY_SECONDS)

    def _wake(self) -> None:
        if self._news is not None:
            self._news.look()

    @property
    def _joins(self) -> bool:
        return self._caller.key is not None

    def _leaves(self, signals: Signals) -> bool:
        """Whether the job is left to itself: its words are waited for no longer, or the server ends."""
        return signals.stopping.done() or (signals.wait_over.done() and self._heard is None)

    async def _hear(self, item: News, signals: Signals) -> str:
        if self._heard is not None and isinstance(item, Said) and item.binding == self._heard.binding:
            new = self._heard.fresh(item.offset, item.text)
            if new is not None:
                return self.writer.say(new) if new else ""
        if signals.gone.done():
            return await self._let_go()
        if signals.stopping.done() and self._record is not None:  # at once: Redis may be the reason why it ends
            raise NoAnswer(self._record, joins=self._joins)
        return await self._look(signals)

    async def _let_go(self) -> str:
        """A caller who hangs up cancels the job, unless its idempotency key lets it join that job again."""
        if not self._joins:
            await self._backend.jobs.cancel(self._job_id, reason="its caller hung up")
        self._over = True
        return ""

    async def _look(self, signals: Signals) -> str:
        jobs = self._backend.jobs
        self._record = record = await jobs.get(self._job_id)
        if record.done:
            return await self._end(record)
        self._check_binding(record)
        so_far = await jobs.said(self._job_id)
        if so_far is not None and so_far.text and so_far.binding == record.binding:
            return self._say(record, so_far.text) or _comment("keep-alive")
        if self._leaves(signals):
            raise NoAnswer(record, joins=self._joins)
        if not signals.head_due.done():
            return ""
        place = await jobs.place(self._job_id) if record.state is JobState.PENDING else None
        return _comment(f"pointsman {_standing(record, place)}")

    def _check_binding(self, record: JobRecord) -> None:
        """Raise Refused where the job speaks no longer as it began: its end was missed, and somebody retried it."""
        if self._heard is None:
            return
        if record.state not in (JobState.RUNNING, JobState.SUCCEEDED) or record.binding != self._heard.binding:
            why = f"the answer broke off, and the job began anew; GET /v1/jobs/{record.id} will have its result"
            raise Refused(why, status=502, code="bad_response", kind="server_error")

    def _say(self, record: JobRecord, text: str) -> str:
        """Return what is new in all the text so far."""
        begun = ""
        if self._heard is None:
            self._heard, begun = Heard(record.binding), self.writer.begin(record)
        new = self._heard.fresh(0, text)
        return begun + (self.writer.say(new) if new else "")

    async def _end(self, record: JobRecord) -> str:
        if record.state is not JobState.SUCCEEDED:
            asked_for = await self._caller.time_asked_for(record)
            raise NoAnswer(record, joins=self._joins, retry_after=asked_for)
        self._check_binding(record)
        told = self._say(record, result_of(record).answer.text) + self.writer.end(record)
        self._over = True
        return told


def _standing(record: JobRecord, place: int | None) -> str:
    """Return how a job without words stands."""
    if record.state is JobState.PENDING:
        return f"queued, place {place}" if place is not None else "queued, not due yet"
    return f"{'running at' if record.state is JobState.RUNNING else 'bound to'} {record.model}"


def _comment(text: str) -> str:
    return f": {text}\n\n"


HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}  # the second is for nginx, which would gather it


STREAMED: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {}, "text/event-stream": {}}}}
"""What the documentation of a door says of its answers."""


async def stream_answer(caller: Caller, asked: Asked, writer: StreamWriter) -> AnswerStream:
    """Submit what is asked, and return the stream of its answer."""
    job_id = await caller.asker.backend.jobs.submit(with_key(asked.spec, caller.asker, caller.key))
    return AnswerStream(Reading(caller, job_id, writer))


class AnswerStream(Response):
    """A reply whose head waits for the first words, or a moment: a job that fails at once has its own status."""

    media_type = "text/event-stream"

    def __init__(self, reading: Reading) -> None:
        self.status_code, self.background = 200, None
        self._reading = reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what is read; raises NoAnswer and its like as long as nothing was sent, and later tells of them."""
        begun = False
        try:
            async with aclosing(self._reading.frames()) as frames:
                async for frame in frames:
                    if not begun:
                        begun = True
                        await self._begin(send)
                    await _send(send, frame)
        except PointsmanError as error:
            if not begun:
                raise
            await _send(send, self._reading.writer.fail(fault_in(error), scope["state"]["request_id"]))
        if begun:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _begin(self, send: Send) -> None:
        self.init_headers({**HEADERS, **self._reading.headers})
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})


async def _send(send: Send, frame: str) -> None:
    await send({"type": "http.response.body", "body": frame.encode(), "more_body": True})
