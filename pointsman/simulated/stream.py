"""How answers leave the server piece by piece, at the model's pace; broken streams too."""

from __future__ import annotations

import asyncio
import json
import time

from aiohttp import web

from .answers import Asked, Said
from .faults import Damage
from .formats import Event, ServedFormat
from .response import headers_of

BREAKS = frozenset({Damage.TRUNCATED, Damage.MALFORMED, Damage.DISCONNECTED, Damage.INTERRUPTED})
"""What ends a stream before its time; one that is unfinished ends in due form, but does not say why."""


async def send_stream(
    request: web.Request, wire: ServedFormat, asked: Asked, said: Said, *, request_id: str
) -> web.StreamResponse:
    """Send an answer as server-sent events, or as many of them as its damage lets through, with status 200."""
    events = wire.events(asked, said)
    broken = said.damage in BREAKS
    pieces = events.pieces[: int(len(events.pieces) * said.breaks_at)] if broken else events.pieces
    gap_seconds = (said.pace.whole_seconds - said.pace.first_seconds) / max(1, len(events.pieces))
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", **headers_of(wire, said, request_id)}
    )
    await response.prepare(request)
    due = time.monotonic() + said.pace.first_seconds
    await asyncio.sleep(said.pace.first_seconds)
    await _send(response, *events.opening)
    for piece in pieces:
        await asyncio.sleep(due - time.monotonic())
        await _send(response, piece)
        due += gap_seconds
    if broken:
        return await _break_off(request, response, wire, said, request_id=request_id)
    await _send(response, *events.closing)
    await response.write_eof()
    return response


async def _send(response: web.StreamResponse, *events: Event) -> None:
    await response.write("".join(map(_written, events)).encode())


def _written(event: Event) -> str:
    if isinstance(event, str):
        return f"data: {event}\n\n"
    name = f"event: {event['type']}\n" if "type" in event else ""  # only Anthropic's events have one
    return f"{name}data: {json.dumps({**event, 'simulated': True})}\n\n"


async def _break_off(
    request: web.Request, response: web.StreamResponse, wire: ServedFormat, said: Said, *, request_id: str
) -> web.StreamResponse:
    if said.damage is Damage.DISCONNECTED and request.transport is not None:
        request.transport.close()
        return response
    if said.damage is Damage.MALFORMED:
        await _send(response, '{"simulated')
    if said.failure is not None and said.damage is Damage.INTERRUPTED:
        await _send(response, wire.error(said.failure, request_id)[1])
    await response.write_eof()
    return response
