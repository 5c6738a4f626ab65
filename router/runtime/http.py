"""The one place that imports an HTTP library: httpx, over aiohttp's connection pool.

httpx's own pool scans every connection for every request and collapses above about a hundred of them.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import aiohttp
import httpx
import httpx_sse
from httpx_aiohttp import AiohttpTransport, HttpxAiohttpClient

AsyncClient = httpx.AsyncClient
Response = httpx.Response
Timeout = httpx.Timeout
Headers = httpx.Headers
HTTPError = httpx.HTTPError
TimeoutException = httpx.TimeoutException
ConnectTimeout = httpx.ConnectTimeout
ReadError = httpx.ReadError
DecodingError = httpx.DecodingError
InvalidURL = httpx.InvalidURL
EventSource = httpx_sse.EventSource
UnsupportedProtocol = httpx.UnsupportedProtocol
ForeignError = aiohttp.ClientError
"""What the transport lets through untranslated: replies that are not HTTP at all."""


NO_LIMIT = 0  # aiohttp's word for it


def open_client(*, connections: int = NO_LIMIT, timeout_seconds: float = 30.0, base_url: str = "") -> AsyncClient:
    """Return a client for up to `connections` requests at once; the caller closes it."""
    return HttpxAiohttpClient(
        base_url=base_url,
        timeout=httpx.Timeout(timeout_seconds),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
    )


def abandon(client: AsyncClient) -> None:
    """Let go of the connections of a client that nobody closed; aiohttp would write of them to the log."""
    transport = client._transport  # httpx has no other way to it
    session = getattr(transport, "client", None)
    if not isinstance(session, aiohttp.ClientSession) or session.connector is None:
        return  # nothing was ever sent
    connector = session.connector
    session.detach()
    loop, close = connector._loop, connector._close  # its own close() asks to be awaited
    if loop.is_closed():
        close()
    else:
        loop.call_soon_threadsafe(close)


class AddressRefused(OSError):
    """Raised inside of a connect, where only an OSError is looked at; each has the same words, as aiohttp wants."""


def open_guarded_client(may_be_called: Callable[[str], bool], *, user_agent: str) -> AsyncClient:
    """Return a client that connects only to addresses that may be called; the caller closes it.

    What is looked at is the address that a socket is opened for, so that it does not matter what a name led to
    before. It takes no proxy from the environment, follows no redirect and keeps no cookie.
    """

    def guarded(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = info
        if not may_be_called(str(address[0])):
            raise AddressRefused("the address may not be called")
        return socket.socket(family, kind, protocol)

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=NO_LIMIT, ssl=transport.ssl_context, socket_factory=guarded)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)

    transport = AiohttpTransport(client=session)
    return httpx.AsyncClient(
        transport=transport,
        headers={"user-agent": user_agent},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        trust_env=False,
        follow_redirects=False,
    )


def was_sent(error: BaseException) -> bool:
    """Whether a request that failed may have reached somebody: there was a connection."""
    return not isinstance(error.__cause__, aiohttp.ClientConnectorError)


def was_refused(error: BaseException | None) -> bool:
    """Whether a call failed because no address of its host may be called."""
    while error is not None and not isinstance(error, AddressRefused):
        error = error.__cause__
    return error is not None
