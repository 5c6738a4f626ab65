"""Sends an answer while it is made, as server-sent events; until its first words it tells how the job stands."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from producer.openai import Asked
from router.errors import PointsmanError

from .failures import fault_in
from .reading import Reading, StreamWriter
from .submit import with_key
from .waiting import Caller

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
