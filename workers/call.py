"""One HTTP call to a model, bounded in time as a whole, with every failure as CallFailed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from router.chat import Answer
from router.errors import ErrorKind
from router.http import AsyncClient, HTTPError, Response, TimeoutException

from .errors import CallFailed
from .providers import WireFormat, WireRequest

MESSAGE_AT_MOST = 500


async def call(client: AsyncClient, wire: WireFormat, request: WireRequest, *, timeout_seconds: float) -> Answer:
    """Send the request and return the checked answer; raises CallFailed.

    The timeout bounds the whole call, so that a server which drips bytes can not hold it open. Redirects are not
    followed: the API key must not go to another host.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            response = await client.post(
                request.url, headers=dict(request.headers), json=request.body, timeout=None
            )
    except (TimeoutError, TimeoutException) as error:
        raise CallFailed(ErrorKind.TIMEOUT, f"no answer within {timeout_seconds:.0f} s") from error
    except HTTPError as error:
        raise CallFailed(ErrorKind.CONNECTION, f"{type(error).__name__}: {error}"[:MESSAGE_AT_MOST]) from error
    if response.is_success:
        return wire.answer(_json_body(response))
    found = wire.error(response.status_code, response.headers, _any_body(response))
    raise CallFailed(
        found.kind, found.message[:MESSAGE_AT_MOST], status=response.status_code, retry_after=found.retry_after
    )


def _json_body(response: Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError as error:
        raise CallFailed(ErrorKind.BAD_RESPONSE, f"the answer is not JSON: {error}") from error


def _any_body(response: Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError:
        return response.text
