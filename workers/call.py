"""Makes one call to a model: a POST, whole or streamed, bounded in time, whose every failure is a CallFailed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from pointsman.router.runtime.http import (
    AsyncClient,
    ConnectTimeout,
    DecodingError,
    EventSource,
    ForeignError,
    HTTPError,
    InvalidURL,
    ReadError,
    Response,
    Timeout,
    TimeoutException,
    was_sent,
)
from pointsman.router.vocabulary.allowance import Allowance
from pointsman.router.vocabulary.chat import Answer
from pointsman.router.vocabulary.errors import ErrorKind

from .errors import NO_ALLOWANCE, CallFailed, NotSent
from .providers import StreamedReply, WireFormat, WireRequest

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


OnText = Callable[[str], None]
"""Takes the next piece of an answer's text at once; it must not block."""

LINGER_SECONDS = 0.1
"""How long the end of a body is waited for after its last event, so that its connection can be used again."""


def ignore_text(_: str) -> None:
    """Hear nothing: the answer is all that counts."""


async def call(
    client: AsyncClient,
    wire: WireFormat,
    request: WireRequest,
    *,
    timeout_seconds: float,
    idle_seconds: float | None = None,
    on_text: OnText = ignore_text,
) -> Answered:
    """Return the model's answer, and what is left of the vendor's limits; `on_text` gets the text of a stream.

    A stream may be silent for `idle_seconds` between two of its events.

    Raises CallFailed, and nothing else, for whatever goes wrong; cancelling passes through.
    """
    allowance = NO_ALLOWANCE
    try:
        async with asyncio.timeout(timeout_seconds), _posted(client, request, timeout_seconds) as response:
            allowance = wire.allowance(response.headers)
            return Answered(await _answer(response, wire, request, on_text, idle_seconds), allowance)
    except CallFailed as failed:
        failed.allowance = allowance
        raise
    except tuple(foreign for foreign, _ in FOREIGN) as error:
        raise _translated(error, timeout_seconds, allowance) from error


def _posted(
    client: AsyncClient, request: WireRequest, timeout_seconds: float
) -> AbstractAsyncContextManager[Response]:
    """Send the request once; a redirect is not followed, for it could carry the key to another host."""
    return client.stream(
        "POST",
        request.url,
        headers={"content-type": "application/json", **request.headers},
        content=to_json(request.body),
        timeout=Timeout(timeout_seconds),
        follow_redirects=False,
    )


async def _answer(
    response: Response, wire: WireFormat, request: WireRequest, on_text: OnText, idle_seconds: float | None
) -> Answer:
    """Read the reply; one that was asked for a stream, and does not know how, is read as it is."""
    if not response.is_success:
        raise _refused(response, wire, _parsed(await _content(response), request))
    if "text/event-stream" in response.headers.get("content-type", ""):
        body = await _streamed(response, wire, request, on_text, idle_seconds)
        return wire.answer(body, stops=request.stops)
    return wire.answer(_parsed(await _content(response), request), stops=request.stops)


def _refused(response: Response, wire: WireFormat, body: Any) -> CallFailed:
    meaning = wire.error(response.status_code, response.headers, body)
    return CallFailed(
        meaning.kind,
        meaning.message,
        status=response.status_code,
        retry_after=meaning.retry_after,
        certain=meaning.certain,
    )


async def _streamed(
    response: Response, wire: WireFormat, request: WireRequest, on_text: OnText, idle_seconds: float | None
) -> Any:
    """Return the body that the reply would have had without a stream, and hand on each piece of text."""
    reply, clock = StreamedReply(wire), asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(None) as silence, aclosing(EventSource(response).aiter_sse()) as events:
            async for event in events:
                if idle_seconds is not None:
                    silence.reschedule(clock() + idle_seconds)
                if not event.data:  # what keeps a connection alive
                    continue
                text = reply.take(_parsed(event.data.encode(), request))
                if text is None:
                    await _linger(events)
                    break
                if text:
                    on_text(text)
    except TimeoutError:
        raise CallFailed(ErrorKind.TIMEOUT, f"the answer stopped: no piece of it for {idle_seconds:g} s") from None
    return reply.body()


async def _linger(events: AsyncIterator[Any]) -> None:
    with suppress(TimeoutError, HTTPError, ForeignError):
        async with asyncio.timeout(LINGER_SECONDS):
            async for _ in events:
                pass


async def _content(response: Response) -> bytes:
    """Return the body; an error's status counts even where its body is cut off."""
    try:
        return await response.aread()
    except INCOMPLETE:
        if response.is_success:
            raise
        return b""


def _translated(error: Exception, timeout_seconds: float, allowance: Allowance) -> CallFailed:
    kind = next(kind for foreign, kind in FOREIGN if isinstance(error, foreign))
    words = f"{type(error).__name__}: {str(error)[:400]}".removesuffix(": ")
    if kind is ErrorKind.TIMEOUT:
        words = f"no complete answer within {timeout_seconds:g} s"
    failed = CallFailed if was_sent(error) else NotSent
    return failed(kind, words, allowance=allowance)


def _parsed(content: bytes, request: WireRequest) -> Any:
    """Return JSON without our secrets, or text where it is not JSON, which no wire format takes for an answer."""
    content = _without_secrets(content, request)
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
