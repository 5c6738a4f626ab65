"""POST /v1/messages: a job whose caller waits for the answer, in Anthropic's shape.

https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header
from starlette.responses import Response

from producer.anthropic import EventWriter, message, read_message

from .stream import STREAMED, stream_answer
from .waiting import Calling

Version = Annotated[str | None, Header(alias="anthropic-version")]

routes = APIRouter(tags=["Anthropic"])


@routes.post("/v1/messages", responses=STREAMED)
async def create_message(body: dict[str, Any], caller: Calling, version: Version = None) -> Response:
    """Do a chat request as a job, and answer when it has ended, or with `stream: true` while it is made.

    A caller who hangs up cancels the job, unless there is an idempotency key. docs/doors.md lists the parameters.
    """
    asked = read_message(body, caller.catalog, version=version)
    if asked.spec.stream:
        return await stream_answer(caller, asked, EventWriter(asked))
    return await caller.reply(asked, message)
