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
class GaveUp:
    """The receiver does not want it, can not be reached, or was tried often enough."""

    why: str


Answer = Replied | Silent | Impossible
Outcome = Delivered | TryAgain | GaveUp


def judge(answer: Answer, *, tries: int, waits_seconds: Sequence[float], random: Random) -> Outcome:
    """Say what becomes of a delivery; `tries` were made before this one."""
    match answer:
        case Replied(status=status) if 200 <= status < 300:
            return Delivered()
        case Replied(status=status) if status == GONE:
            return GaveUp("the receiver says that it is gone for good")
        case Replied():
            asked = answer.retry_after or 0.0 if answer.status in ASKS_FOR_TIME else 0.0
            return _again(_words(answer.status), min(asked, LONGEST_WAIT_SECONDS), tries, waits_seconds, random)
        case Silent(why):
            return _again(why, 0.0, tries, waits_seconds, random)
        case Impossible(why):
            return GaveUp(why)
        case _:
            assert_never(answer)


def _again(why: str, asked: float, tries: int, waits_seconds: Sequence[float], random: Random) -> Outcome:
    if tries >= len(waits_seconds):
        return GaveUp(why)
    return TryAgain(max(asked, waits_seconds[tries] * (1 + JITTER * random.random())), why)


def _words(status: int) -> str:
    return "a redirect, which is not followed" if 300 <= status < 400 else f"the receiver answered {status}"
