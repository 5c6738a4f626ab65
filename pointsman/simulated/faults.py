"""Which request goes wrong, and how an answer is damaged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from pointsman.router.vocabulary.errors import ErrorKind

from .settings import SimulatedModel
from .window import WindowLeft

REFUSALS = frozenset({ErrorKind.RATE_LIMITED, ErrorKind.OVERLOADED, ErrorKind.SERVER_ERROR})
"""Faults that answer at once with an error body, or as an event of a stream; the others damage an answer."""


class Damage(StrEnum):
    """What is wrong with an answer that was generated."""

    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    UNFINISHED = "unfinished"
    DISCONNECTED = "disconnected"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Failure:
    """A request that gets an error body; `retry_after` counts seconds, 0 where the vendor would say nothing."""

    kind: ErrorKind
    message: str
    retry_after: float = 0.0
    left: WindowLeft | None = None


def draw_fault(model: SimulatedModel, draw: Random) -> ErrorKind | None:
    """Return the fault that a request meets, if any; all rates share one draw, so that they exclude each other."""
    point = draw.random()
    for kind, rate in (
        (ErrorKind.RATE_LIMITED, model.rate_limit_rate),
        (ErrorKind.OVERLOADED, model.overloaded_rate),
        (ErrorKind.SERVER_ERROR, model.server_error_rate),
        (ErrorKind.BAD_RESPONSE, model.bad_response_rate),
        (ErrorKind.CONNECTION, model.disconnect_rate),
    ):
        if point < rate:
            return kind
        point -= rate
    return None


def draw_damage(fault: ErrorKind | None, draw: Random) -> Damage | None:
    """Return what a fault does to an answer."""
    if fault in REFUSALS:
        return Damage.INTERRUPTED
    if fault is ErrorKind.CONNECTION:
        return Damage.DISCONNECTED
    if fault is ErrorKind.BAD_RESPONSE:
        return draw.choice((Damage.TRUNCATED, Damage.MALFORMED, Damage.UNFINISHED))
    return None
