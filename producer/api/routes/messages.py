"""POST /v1/messages: a job whose caller waits for the answer, in Anthropic's shape; and how long a request is.

https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header
from starlette.responses import Response

from pointsman.router.vocabulary.facts import input_tokens
from pointsman.router.vocabulary.frozen import Frozen

from ...vendor_apis.anthropic import VERSIONS, EventWriter, message, read_message
from ..backend import CurrentRequester
from ..middleware.json_route import JsonRoute
from ..openapi.document import ANTHROPIC_STATUSES, NO_MODEL
from ..openapi.shapes import COUNT_BODY, MESSAGE_BODY, AnsweredMessage
from ..waiting.caller import CurrentCaller
from ..waiting.streamed import STREAMED, stream_answer

Version = Annotated[str, Header(alias="anthropic-version", json_schema_extra={"enum": list(VERSIONS)})]

routes = APIRouter(route_class=JsonRoute, tags=["Anthropic"])


class Estimated(Frozen):
    """How many tokens a request has by the rule of four characters each, which no vendor was asked about."""

    input_tokens: int
    estimated: Literal[True] = True


@routes.post(
    "/v1/messages",
    response_model=AnsweredMessage,
    responses=ANTHROPIC_STATUSES | STREAMED,
    openapi_extra=MESSAGE_BODY,
)
async def create_message(body: dict[str, Any], caller: CurrentCaller, version: Version) -> Response:
    """Do a chat request as a job, and answer when it has ended, or with `stream: true` while it is made.

    A disconnect cancels the job, unless there is an idempotency key. docs/http-api.md lists the parameters.
    """
    job_request = read_message(body, caller.catalog, version=version)
    if job_request.spec.stream:
        return await stream_answer(caller, job_request, EventWriter(job_request))
    return await caller.reply(job_request, message)


@routes.post("/v1/messages/count_tokens", responses=NO_MODEL, openapi_extra=COUNT_BODY)
async def count_tokens(body: dict[str, Any], requester: CurrentRequester, version: Version) -> Estimated:
    """Estimate the tokens of a message's request, as limits of tokens per minute do; no model is called."""
    whole = {"max_tokens": 1, **body}  # which a count goes without
    job_request = read_message(whole, requester.backend.jobs.catalog, version=version)
    return Estimated(input_tokens=input_tokens(job_request.spec.chat()))
