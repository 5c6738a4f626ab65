"""What follows from a receiver's reply, or from its silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import assert_never

from pointsman.router.vocabulary.webhook import JITTER

LONGEST_WAIT_SECONDS = 86_400.0
"""What a receiver asks for with Retry-After is kept up to this."""
ASKS_FOR_TIME = frozenset({429, 503})
GONE = 410


@dataclass(frozen=True)
class Replied:
    """A reply; `retry_after` is in seconds, None where it says nothing."""

    status: int
    retry_after: float | None = None


@dataclass(frozen=True)
class Silent:
    """No reply, for a reason that may be gone the next time."""

    why: str


@dataclass(frozen=True)
class Impossible:
    """Nothing was sent, and nothing ever can be."""

    why: str


@dataclass(frozen=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True)
class TryAgain:
    """The receiver does not have it yet, for all we know."""

    wait_seconds: float
    why: str


@dataclass(frozen=True)
class DeliveryGivenUp:
    """The receiver does not want it, cannot be reached, or was tried often enough."""

    why: str


ReceiverReply = Replied | Silent | Impossible
DeliveryOutcome = Delivered | TryAgain | DeliveryGivenUp


def judge(answer: ReceiverReply, *, tries: int, waits_seconds: Sequence[float], random: Random) -> DeliveryOutcome:
    """Say what becomes of a delivery; `tries` were made before this one."""
    match answer:
        case Replied(status=status) if 200 <= status < 300:
            return Delivered()
        case Replied(status=status) if status == GONE:
            return DeliveryGivenUp("the receiver says that it is gone for good")
        case Replied():
            requested_seconds = answer.retry_after or 0.0 if answer.status in ASKS_FOR_TIME else 0.0
            return _again(
                _words(answer.status), min(requested_seconds, LONGEST_WAIT_SECONDS), tries, waits_seconds, random
            )
        case Silent(why):
            return _again(why, 0.0, tries, waits_seconds, random)
        case Impossible(why):
            return DeliveryGivenUp(why)
        case _:
            assert_never(answer)


def _again(
    why: str, requested_seconds: float, tries: int, waits_seconds: Sequence[float], random: Random
) -> DeliveryOutcome:
    if tries >= len(waits_seconds):
        return DeliveryGivenUp(why)
    return TryAgain(max(requested_seconds, waits_seconds[tries] * (1 + JITTER * random.random())), why)


def _words(status: int) -> str:
    return "a redirect, which is not followed" if 300 <= status < 400 else f"the receiver answered {status}"
