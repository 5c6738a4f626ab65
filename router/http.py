"""The one place that imports an HTTP library: httpx, over aiohttp's connection pool.

httpx's own pool scans every connection for every request and collapses above about a hundred of them.
"""

from __future__ import annotations

import aiohttp
import httpx
import httpx_sse
from httpx_aiohttp import HttpxAiohttpClient

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
