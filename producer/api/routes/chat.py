"""POST /v1/chat/completions: a job whose caller waits for the answer, in OpenAI's shape.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ...vendor_apis.openai import ChunkWriter, completion, read_chat
from ..middleware.json_route import JsonRoute
from ..openapi.document import OPENAI_ENDS
from ..openapi.shapes import CHAT_BODY, Completion
from ..waiting.caller import Calling
from ..waiting.streamed import STREAMED, stream_answer

routes = APIRouter(route_class=JsonRoute, tags=["OpenAI"])


@routes.post(
    "/v1/chat/completions",
    response_model=Completion,
    responses=OPENAI_ENDS | STREAMED,
    openapi_extra=CHAT_BODY,
)
async def complete_chat(body: dict[str, Any], caller: Calling) -> Response:
    """Do a chat request as a job, and answer when it has ended, or with `stream: true` while it is made.

    A caller who hangs up cancels the job, unless there is an idempotency key. docs/doors.md lists the parameters.
    """
    asked = read_chat(body, caller.catalog)
    if asked.spec.stream:
        return await stream_answer(caller, asked, ChunkWriter(asked))
    return await caller.reply(asked, completion)
