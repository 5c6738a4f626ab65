"""How answers leave the server piece by piece, at the model's pace; broken streams too."""

from __future__ import annotations

import asyncio
import json
import time

from aiohttp import web

from .answers import ParsedRequest, SimulatedAnswer
from .faults import Damage
from .formats import Event, ServedFormat
from .response import headers_of

BREAKS = frozenset({Damage.TRUNCATED, Damage.MALFORMED, Damage.DISCONNECTED, Damage.INTERRUPTED})
"""What ends a stream before its time; one that is unfinished ends in due form, but does not say why."""


async def send_stream(
    request: web.Request, wire: ServedFormat, parsed: ParsedRequest, answer: SimulatedAnswer, *, request_id: str
) -> web.StreamResponse:
    """Send an answer as server-sent events, or as many of them as its damage lets through, with status 200."""
    events = wire.events(parsed, answer)
    broken = answer.damage in BREAKS
    pieces = events.pieces[: int(len(events.pieces) * answer.breaks_at)] if broken else events.pieces
    gap_seconds = (answer.pace.whole_seconds - answer.pace.first_seconds) / max(1, len(events.pieces))
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", **headers_of(wire, answer, request_id)}
    )
    await response.prepare(request)
    due = time.monotonic() + answer.pace.first_seconds
    await asyncio.sleep(answer.pace.first_seconds)
    await _send(response, *events.opening)
    for piece in pieces:
        await asyncio.sleep(due - time.monotonic())
        await _send(response, piece)
        due += gap_seconds
    if broken:
        return await _break_off(request, response, wire, answer, request_id=request_id)
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
    request: web.Request,
    response: web.StreamResponse,
    wire: ServedFormat,
    answer: SimulatedAnswer,
    *,
    request_id: str,
) -> web.StreamResponse:
    if answer.damage is Damage.DISCONNECTED and request.transport is not None:
        request.transport.close()
        return response
    if answer.damage is Damage.MALFORMED:
        await _send(response, '{"simulated')
    if answer.failure is not None and answer.damage is Damage.INTERRUPTED:
        await _send(response, wire.error(answer.failure, request_id)[1])
    await response.write_eof()
    return response
