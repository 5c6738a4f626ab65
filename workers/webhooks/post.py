"""Sends one request to a receiver; whatever comes of it is a value."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pointsman.router.runtime.http import (
    AsyncClient,
    ConnectTimeout,
    ForeignError,
    HTTPError,
    InvalidURL,
    Timeout,
    TimeoutException,
    UnsupportedProtocol,
    was_refused,
)

from ..providers.retry_after import from_headers
from .outcome import Impossible, ReceiverReply, Replied, Silent

REFUSED = "its address is not one of the public internet, and no operator allows it"
NO_URL = "the URL cannot be called"
UNCALLABLE = (UnsupportedProtocol, InvalidURL, ValueError)
"""How our libraries say that a URL means nothing to them."""


async def post(
    client: AsyncClient, url: str, body: bytes, headers: Mapping[str, str], *, timeout_seconds: float
) -> ReceiverReply:
    """Post once, for so long as a whole. Of the reply only its head is read, so that it cannot be too large."""
    posting = client.stream(
        "POST",
        url,
        content=body,
        headers={"content-type": "application/json", **headers},
        timeout=Timeout(timeout_seconds),
        follow_redirects=False,
    )
    try:
        async with asyncio.timeout(timeout_seconds), posting as response:
            return Replied(response.status_code, from_headers(response.headers))
    except (HTTPError, ForeignError, OSError, ValueError, InvalidURL) as error:
        return _without_reply(error, timeout_seconds)


def _without_reply(error: Exception, timeout_seconds: float) -> ReceiverReply:
    if was_refused(error):
        return Impossible(REFUSED)
    if isinstance(error, UNCALLABLE):
        return Impossible(NO_URL)
    if isinstance(error, TimeoutError | TimeoutException) and not isinstance(error, ConnectTimeout):
        return Silent(f"no reply within {timeout_seconds:g} s")
    return Silent(f"no reply: {type(error).__name__}")
