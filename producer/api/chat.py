"""POST /v1/chat/completions: a job whose caller waits for the answer, in OpenAI's shape.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse

from producer.openai import completion, read_chat

from .ends import OPENAI_ENDS
from .json_route import JsonRoute
from .shapes import CHAT_BODY, Completion
from .waiting import Calling

routes = APIRouter(route_class=JsonRoute, tags=["OpenAI"])


@routes.post("/v1/chat/completions", response_model=Completion, responses=OPENAI_ENDS, openapi_extra=CHAT_BODY)
async def complete_chat(body: dict[str, Any], caller: Calling) -> JSONResponse:
    """Do a chat request as a job, and answer when it has ended.

    A caller who hangs up cancels the job, unless there is an idempotency key. docs/doors.md lists the parameters.
    """
    return await caller.reply(read_chat(body, caller.catalog), completion)
