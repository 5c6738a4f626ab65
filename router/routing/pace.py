"""Spreads what a model is allowed in a minute over that minute, but for a burst of a tenth of it. Pure.

reservation.lua decides; this works out the same beforehand, so that a round plans no more than will be bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from ..vocabulary.model import Limits

MINUTE_MS = 61_000
"""How long a call counts from its claim: it reaches the vendor a little later, and counts there for a minute."""

BURST = 0.1
MOST_STRETCH = 2.0
SHORTEST_WAIT_MS = 50
"""Above 1 200 a minute several jobs are bound in one round, and not one in each."""


@dataclass(frozen=True)
class Pace:
    """How far the calls of the last minute are ahead of an even pace: levels that sink by the limit in a minute."""

    requests: float = 0.0
    tokens: float = 0.0


EVEN = Pace()


def pace_at(now: int, requests: float, tokens: float, as_of: int, limits: Limits) -> Pace:
    """Return the levels at `now`, in milliseconds, from those of an earlier moment."""
    if not limits.smooth or as_of > now:  # the second: the clock was set back
        return EVEN
    minutes = (now - as_of) / MINUTE_MS
    return Pace(
        max(0.0, requests - (limits.requests_per_minute or 0) * minutes),
        max(0.0, tokens - (limits.tokens_per_minute or 0) * minutes),
    )


def paced_because(pace: Pace, limits: Limits) -> str | None:
    """Return in words why the next call has to wait for its turn, or None."""
    wait_ms = wait_for_turn_ms(pace, limits)
    if not wait_ms:
        return None
    return f"{_which(pace, limits)} are spread over the minute: the next in {wait_ms / 1000:.1f} s"


def wait_for_turn_ms(pace: Pace, limits: Limits) -> int:
    """Return the milliseconds until a call may be bound by both limits; 0 is now."""
    of_requests = _wait_ms(pace.requests, limits.requests_per_minute)
    wait_ms = max(of_requests, _wait_ms(pace.tokens, limits.tokens_per_minute))
    return max(wait_ms, SHORTEST_WAIT_MS) if wait_ms else 0


def raised(
    pace: Pace, tokens: int, *, lasts_ms: float, used_requests: int, used_tokens: int, limits: Limits
) -> Pace:
    """Return the levels after one more call; `lasts_ms` is until the minute lets go of the oldest one in it."""
    if not limits.smooth:
        return pace
    requests_stretch = _stretch(lasts_ms, used_requests, limits.requests_per_minute)
    tokens_stretch = _stretch(lasts_ms, used_tokens, limits.tokens_per_minute)
    return Pace(pace.requests + requests_stretch, pace.tokens + tokens * tokens_stretch)


def _which(pace: Pace, limits: Limits) -> str:
    if _wait_ms(pace.requests, limits.requests_per_minute):
        return f"{limits.requests_per_minute} requests per minute"
    return f"{limits.tokens_per_minute} tokens per minute"


def _wait_ms(level: float, limit: int | None) -> int:
    if not limit or level < (burst := max(1.0, limit * BURST)):
        return 0
    return ceil((level - burst) * MINUTE_MS / limit) + 1  # below the burst, and not at it


def _stretch(lasts_ms: float, used: int, limit: int | None) -> float:
    if not limit:
        return 0.0  # nothing is counted
    alone = MINUTE_MS * max(1, limit - used) / limit
    return max(1.0, min(MOST_STRETCH, lasts_ms / alone))
