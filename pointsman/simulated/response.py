"""How answers and errors leave the server, damaged ones too."""

from __future__ import annotations

import json

from aiohttp import web

from pointsman.router.vocabulary.errors import ErrorKind

from .answers import ParsedRequest, SimulatedAnswer
from .faults import Damage, Failure
from .formats import ServedFormat

PROXY_PAGE = "<html><body>[simulated] a proxy's page where JSON was due</body></html>"


def send_error(wire: ServedFormat, failure: Failure, request_id: str) -> web.Response:
    """Return an error in the vendor's shape; a rate limit says when to come back."""
    status, body = wire.error(failure, request_id)
    headers = headers_of(wire, failure, request_id)
    if failure.kind is ErrorKind.RATE_LIMITED:
        headers["Retry-After"] = f"{failure.retry_after:g}"
    return web.json_response(body, status=status, headers=headers)


async def send_answer(
    request: web.Request, wire: ServedFormat, parsed: ParsedRequest, answer: SimulatedAnswer, *, request_id: str
) -> web.StreamResponse:
    """Return an answer, or what its damage leaves of it, with status 200."""
    body = json.dumps({**wire.write(parsed.upstream, answer), "simulated": True})
    headers = headers_of(wire, answer, request_id)
    match answer.damage:
        case Damage.DISCONNECTED:
            return await _hang_up(request, body.encode())
        case Damage.MALFORMED:
            return web.Response(text=PROXY_PAGE, content_type="text/html", headers=headers)
        case Damage.TRUNCATED:
            body = body[: len(body) // 2]
    return web.Response(text=body, content_type="application/json", headers=headers)


def headers_of(wire: ServedFormat, outcome: SimulatedAnswer | Failure, request_id: str) -> dict[str, str]:
    """Return the vendor's headers of a reply."""
    left = wire.limits(outcome.left) if outcome.left else {}
    return {wire.request_id_header: request_id, **left}


async def _hang_up(request: web.Request, body: bytes) -> web.StreamResponse:
    """Announce the whole body, send half of it and close the connection."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
