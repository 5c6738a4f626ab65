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
from pointsman.router.store import JobUpdate, JobUpdates, TextChunk
from pointsman.router.vocabulary.errors import PointsmanError, StoreUnavailable
from pointsman.router.vocabulary.job import JobRecord, JobState

from ...vendor_apis.openai import Fault, JobRequest, Refused
from ...vendor_apis.openai.chat import result_of
from ..failures import JOB_ID, NoAnswer, OutcomeUnknown, fault_in, job_headers
from ..routes.submit import with_key
from .caller import REDIS_AWAY_SECONDS, Caller
from .until_end import disconnected

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
        asyncio.create_task(disconnected(caller.request)),
        asyncio.create_task(caller.requester.backend.stopping.wait()),
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
class SentText:
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
    """Writes one answer in the shape of one endpoint."""

    def begin(self, record: JobRecord) -> str:
        """Return what comes before the first words."""

    def write_text(self, text: str) -> str:
        """Return a piece of text."""

    def end(self, record: JobRecord) -> str:
        """Return what comes after the last words; raises Refused where this shape cannot tell it."""

    def fail(self, fault: Fault, request_id: str) -> str:
        """Return what ends a stream that has no answer."""


class StreamedAnswer:
    """One caller's reading of one job."""

    def __init__(self, caller: Caller, job_id: str, writer: StreamWriter) -> None:
        self.writer = writer
        self._caller, self._job_id = caller, job_id
        self._backend = caller.requester.backend
        self._record: JobRecord | None = None
        self._sent: SentText | None = None
        self._updates: JobUpdates | None = None
        self._over = False

    @property
    def headers(self) -> dict[str, str]:
        """What is certain of the job now; before it has spoken, its model is not."""
        if self._record is None:
            return {JOB_ID: self._job_id}
        certain = self._record.done or self._sent is not None
        return job_headers(self._record if certain else self._record.model_copy(update={"model": None}))

    async def frames(self) -> AsyncGenerator[str, None]:
        """Yield events and comments until the job has ended.

        Raises NoAnswer, Refused or UnknownJob if it ends otherwise, OutcomeUnknown if Redis is away then.
        """
        async with watching(self._caller, self._wake) as signals:
            while not self._over:
                try:
                    async with self._backend.follower.following(self._job_id) as self._updates:
                        async for item in self._updates:
                            if frame := await self._handle(item, signals):
                                yield frame
                            if self._over:
                                break
                except StoreUnavailable as error:
                    if self._gives_up(signals):
                        raise OutcomeUnknown(self._job_id, joins=self._joins) from error
                    if signals.head_due.done():
                        yield _comment("pointsman waits for Redis")
                    await asyncio.sleep(REDIS_AWAY_SECONDS)

    def _wake(self) -> None:
        if self._updates is not None:
            self._updates.look_again()

    @property
    def _joins(self) -> bool:
        return self._caller.key is not None

    def _gives_up(self, signals: Signals) -> bool:
        """Whether the job is left to itself: its words are waited for no longer, or the server ends."""
        return signals.stopping.done() or (signals.wait_over.done() and self._sent is None)

    async def _handle(self, item: JobUpdate, signals: Signals) -> str:
        if self._sent is not None and isinstance(item, TextChunk) and item.binding == self._sent.binding:
            new = self._sent.fresh(item.offset, item.text)
            if new is not None:
                return self.writer.write_text(new) if new else ""
        if signals.gone.done():
            return await self._on_disconnect()
        if signals.stopping.done() and self._record is not None:  # at once: Redis may be the reason why it ends
            raise NoAnswer(self._record, joins=self._joins)
        return await self._look(signals)

    async def _on_disconnect(self) -> str:
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
        so_far = await jobs.text_so_far(self._job_id)
        if so_far is not None and so_far.text and so_far.binding == record.binding:
            return self._write(record, so_far.text) or _comment("keep-alive")
        if self._gives_up(signals):
            raise NoAnswer(record, joins=self._joins)
        if not signals.head_due.done():
            return ""
        position = await jobs.position(self._job_id) if record.state is JobState.PENDING else None
        return _comment(f"pointsman {_status_of(record, position)}")

    def _check_binding(self, record: JobRecord) -> None:
        """Raise Refused where the job speaks no longer as it began: its end was missed, and somebody retried it."""
        if self._sent is None:
            return
        if record.state not in (JobState.RUNNING, JobState.SUCCEEDED) or record.binding != self._sent.binding:
            why = f"the answer broke off, and the job began anew; GET /v1/jobs/{record.id} will have its result"
            raise Refused(why, status=502, code="bad_response", kind="server_error")

    def _write(self, record: JobRecord, text: str) -> str:
        """Return what is new in all the text so far."""
        begun = ""
        if self._sent is None:
            self._sent, begun = SentText(record.binding), self.writer.begin(record)
        new = self._sent.fresh(0, text)
        return begun + (self.writer.write_text(new) if new else "")

    async def _end(self, record: JobRecord) -> str:
        if record.state is not JobState.SUCCEEDED:
            retry_after = await self._caller.cooling_seconds(record)
            raise NoAnswer(record, joins=self._joins, retry_after=retry_after)
        self._check_binding(record)
        frames = self._write(record, result_of(record).answer.text) + self.writer.end(record)
        self._over = True
        return frames


def _status_of(record: JobRecord, position: int | None) -> str:
    """Return how a job without words stands."""
    if record.state is JobState.PENDING:
        return f"queued, place {position}" if position is not None else "queued, not due yet"
    return f"{'running at' if record.state is JobState.RUNNING else 'bound to'} {record.model}"


def _comment(text: str) -> str:
    return f": {text}\n\n"


HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}  # the second is for nginx, which would gather it


STREAMED: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {}, "text/event-stream": {}}}}
"""What the documentation of an endpoint says of its answers."""


async def stream_answer(caller: Caller, job_request: JobRequest, writer: StreamWriter) -> AnswerStream:
    """Submit what is asked, and return the stream of its answer."""
    job_id = await caller.requester.backend.jobs.submit(with_key(job_request.spec, caller.requester, caller.key))
    return AnswerStream(StreamedAnswer(caller, job_id, writer))


class AnswerStream(Response):
    """A reply whose head waits for the first words, or a moment: a job that fails at once has its own status."""

    media_type = "text/event-stream"

    def __init__(self, streamed: StreamedAnswer) -> None:
        self.status_code, self.background = 200, None
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what is read; raises NoAnswer and its like as long as nothing was sent, and later tells of them."""
        begun = False
        try:
            async with aclosing(self._streamed.frames()) as frames:
                async for frame in frames:
                    if not begun:
                        begun = True
                        await self._begin(send)
                    await _send(send, frame)
        except PointsmanError as error:
            if not begun:
                raise
            await _send(send, self._streamed.writer.fail(fault_in(error), scope["state"]["request_id"]))
        if begun:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _begin(self, send: Send) -> None:
        self.init_headers({**HEADERS, **self._streamed.headers})
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})


async def _send(send: Send, frame: str) -> None:
    await send({"type": "http.response.body", "body": frame.encode(), "more_body": True})
