"""Which request goes wrong, and what a damaged answer looks like."""

from __future__ import annotations

import random
from enum import StrEnum

from router.errors import ErrorKind

from .settings import SimulatedModel

REFUSALS = frozenset({ErrorKind.RATE_LIMITED, ErrorKind.SERVER_ERROR, ErrorKind.OVERLOADED})
"""Faults that answer at once with an error body; the others damage a finished answer."""


class Damage(StrEnum):
    """What is wrong with an answer that was generated."""

    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    UNFINISHED = "unfinished"
    DISCONNECTED = "disconnected"


BAD_RESPONSES = (Damage.TRUNCATED, Damage.MALFORMED, Damage.UNFINISHED)


def draw_fault(model: SimulatedModel, chance: random.Random) -> ErrorKind | None:
    """Return the fault this request meets, if any; the model's rates share one draw and never overlap."""
    point = chance.random()
    for kind, rate in (
        (ErrorKind.RATE_LIMITED, model.rate_limit_rate),
        (ErrorKind.SERVER_ERROR, model.server_error_rate),
        (ErrorKind.OVERLOADED, model.overloaded_rate),
        (ErrorKind.BAD_RESPONSE, model.bad_response_rate),
        (ErrorKind.CONNECTION, model.disconnect_rate),
    ):
        if point < rate:
            return kind
        point -= rate
    return None


def draw_damage(fault: ErrorKind | None, chance: random.Random) -> Damage | None:
    """Return the damage a fault does to a finished answer."""
    if fault is ErrorKind.CONNECTION:
        return Damage.DISCONNECTED
    return chance.choice(BAD_RESPONSES) if fault is ErrorKind.BAD_RESPONSE else None


def damaged(body: bytes, damage: Damage | None) -> bytes:
    """Return the bytes that go out with status 200 in place of `body`."""
    if damage is Damage.TRUNCATED:
        return body[: len(body) // 2]
    if damage is Damage.MALFORMED:
        return b"<html><body>[simulated] a proxy's page where JSON was due</body></html>"
    return body
