"""Makes one call to a model: a POST, bounded as a whole, whose every failure is a CallFailed."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from router.allowance import Allowance
from router.chat import Answer
from router.errors import ErrorKind
from router.http import (
    AsyncClient,
    ConnectTimeout,
    DecodingError,
    ForeignError,
    Headers,
    HTTPError,
    InvalidURL,
    ReadError,
    Response,
    Timeout,
    TimeoutException,
)

from .errors import CallFailed
from .providers import WireFormat, WireRequest

# The first row that fits. The transport calls every lost connection a ConnectTimeout, and an incomplete body a
# ReadError; what is not HTTP at all comes through as aiohttp's own error, our ForeignError.
FOREIGN: tuple[tuple[type[Exception], ErrorKind], ...] = (
    (ConnectTimeout, ErrorKind.CONNECTION),
    (TimeoutException, ErrorKind.TIMEOUT),
    (TimeoutError, ErrorKind.TIMEOUT),
    (ReadError, ErrorKind.BAD_RESPONSE),
    (DecodingError, ErrorKind.BAD_RESPONSE),
    (HTTPError, ErrorKind.CONNECTION),
    (InvalidURL, ErrorKind.CONNECTION),
    (ForeignError, ErrorKind.BAD_RESPONSE),
    (OSError, ErrorKind.CONNECTION),
    (ValueError, ErrorKind.INVALID_REQUEST),
)

INCOMPLETE = (ReadError, DecodingError)

SECRET_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
"""Servers have been seen to repeat the key in their error message; `api-key` is Azure's."""


class Answered(NamedTuple):
    """The model's answer, and what its vendor says of the requests and tokens that are left."""

    answer: Answer
    allowance: Allowance


class _Reply(NamedTuple):
    status: int
    headers: Headers
    content: bytes


async def call(client: AsyncClient, wire: WireFormat, request: WireRequest, *, timeout_seconds: float) -> Answered:
    """Return the model's answer, and what is left of the vendor's limits.

    Raises CallFailed, and nothing else, for whatever goes wrong; cancelling passes through.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            reply = await _post(client, request, timeout_seconds)
    except tuple(foreign for foreign, _ in FOREIGN) as error:
        raise _translated(error, timeout_seconds) from error
    allowance = wire.allowance(reply.headers)
    try:
        return Answered(_understood(wire, reply, request), allowance)
    except CallFailed as failed:
        failed.allowance = allowance
        raise


def _understood(wire: WireFormat, reply: _Reply, request: WireRequest) -> Answer:
    body = _parsed(_without_secrets(reply.content, request))
    if 200 <= reply.status < 300:
        return wire.answer(body)
    meaning = wire.error(reply.status, reply.headers, body)
    raise CallFailed(meaning.kind, meaning.message, status=reply.status, retry_after=meaning.retry_after)


async def _post(client: AsyncClient, request: WireRequest, timeout_seconds: float) -> _Reply:
    """Send the request once; a redirect is not followed, for it could carry the key to another host."""
    posting = client.stream(
        "POST",
        request.url,
        headers={"content-type": "application/json", **request.headers},
        content=to_json(request.body),
        timeout=Timeout(timeout_seconds),
        follow_redirects=False,
    )
    async with posting as response:
        return _Reply(response.status_code, response.headers, await _content(response))


async def _content(response: Response) -> bytes:
    """Return the body; an error's status counts even where its body is cut off."""
    try:
        return await response.aread()
    except INCOMPLETE:
        if response.is_success:
            raise
        return b""


def _translated(error: Exception, timeout_seconds: float) -> CallFailed:
    kind = next(kind for foreign, kind in FOREIGN if isinstance(error, foreign))
    if kind is ErrorKind.TIMEOUT:
        return CallFailed(kind, f"no complete answer within {timeout_seconds:g} s")
    return CallFailed(kind, f"{type(error).__name__}: {str(error)[:400]}".removesuffix(": "))


def _parsed(content: bytes) -> Any:
    """Return the JSON body, or text where it is not JSON, which no wire format takes for an answer."""
    try:
        return from_json(content)
    except ValueError:
        return content.decode(errors="replace")


def _without_secrets(content: bytes, request: WireRequest) -> bytes:
    for name in SECRET_HEADERS:
        secret = request.headers.get(name, "").removeprefix("Bearer ")
        if secret:
            content = content.replace(secret.encode(), b"[redacted]")
    return content
