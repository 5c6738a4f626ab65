"""POST /v1/chat/completions: a job whose caller waits for the answer, in OpenAI's shape.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ...vendor_apis.openai import ChunkWriter, completion, read_chat
from ..middleware.json_route import JsonRoute
from ..openapi.document import OPENAI_STATUSES
from ..openapi.shapes import CHAT_BODY, Completion
from ..waiting.caller import CurrentCaller
from ..waiting.streamed import STREAMED, stream_answer

routes = APIRouter(route_class=JsonRoute, tags=["OpenAI"])


@routes.post(
    "/v1/chat/completions",
    response_model=Completion,
    responses=OPENAI_STATUSES | STREAMED,
    openapi_extra=CHAT_BODY,
)
async def complete_chat(body: dict[str, Any], caller: CurrentCaller) -> Response:
    """Do a chat request as a job, and answer when it has ended, or with `stream: true` while it is made.

    A disconnect cancels the job, unless there is an idempotency key. docs/http-api.md lists the parameters.
    """
    job_request = read_chat(body, caller.catalog)
    if job_request.spec.stream:
        return await stream_answer(caller, job_request, ChunkWriter(job_request))
    return await caller.reply(job_request, completion)
