"""POST /v1/messages: a job whose caller waits for the answer, in Anthropic's shape.

https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header
from starlette.responses import JSONResponse

from producer.anthropic import message, read_message

from .waiting import Calling

Version = Annotated[str | None, Header(alias="anthropic-version")]

routes = APIRouter(tags=["Anthropic"])


@routes.post("/v1/messages")
async def create_message(body: dict[str, Any], caller: Calling, version: Version = None) -> JSONResponse:
    """Do a chat request as a job, and answer when it has ended.

    A caller who hangs up cancels the job, unless there is an idempotency key. docs/doors.md lists the parameters.
    """
    return await caller.reply(read_message(body, caller.catalog, version=version), message)
