"""Reads from a reply's headers what the vendor still allows. Nothing here raises: what makes no sense was not said.

https://platform.openai.com/docs/guides/rate-limits, https://docs.anthropic.com/en/api/rate-limits; Gemini is silent
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from pointsman.router.vocabulary.allowance import Allowance, Left

from .duration import seconds_of
from .retry_after import date_of

LONGEST_SECONDS = 2 * 86_400.0
"""The longest window that a vendor counts in is a day; what is said to take longer is some other kind of number."""

MOST = 10**12
"""More than anybody allows; far below where Lua's numbers lose digits."""

_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")


def from_openai(headers: Mapping[str, str]) -> Allowance:
    """Read x-ratelimit-remaining-* and x-ratelimit-reset-*, a duration as Go writes it: `12ms`, `6m0s`."""
    named = {name.lower(): value.strip() for name, value in headers.items()}

    def left(what: str) -> Left | None:
        if not _limited(named.get(f"x-ratelimit-limit-{what}")):
            return None  # Azure says 0 or -1 where it counts nothing
        reset = _duration(named.get(f"x-ratelimit-reset-{what}", ""))
        return _left(named.get(f"x-ratelimit-remaining-{what}", ""), reset)

    return Allowance(left("requests"), left("tokens"))


def from_anthropic(headers: Mapping[str, str]) -> Allowance:
    """Read anthropic-ratelimit-*-remaining and -reset, an RFC 3339 time that counts from the reply's own Date.

    Of all tokens, input tokens and output tokens the fewest count: a job needs some of each.
    """
    named = {name.lower(): value.strip() for name, value in headers.items()}
    now = date_of(named.get("date", "")) or datetime.now(UTC)

    def left(what: str) -> Left | None:
        if not _limited(named.get(f"anthropic-ratelimit-{what}-limit")):
            return None
        reset = _until(named.get(f"anthropic-ratelimit-{what}-reset", ""), now)
        return _left(named.get(f"anthropic-ratelimit-{what}-remaining", ""), reset)

    tokens = [found for kind in ("tokens", "input-tokens", "output-tokens") if (found := left(kind))]
    return Allowance(left("requests"), min(tokens, key=lambda found: (found.count, -found.seconds), default=None))


def _limited(limit: str | None) -> bool:
    """Say whether there is a limit at all; one that was not sent may well be there."""
    return limit is None or bool(_NUMBER.fullmatch(limit) and float(limit) > 0)


def _left(remaining: str, seconds: float | None) -> Left | None:
    if seconds is None or not 0 <= seconds <= LONGEST_SECONDS or not _NUMBER.fullmatch(remaining):
        return None
    return Left(int(min(float(remaining), MOST)), seconds)


def _duration(text: str) -> float | None:
    # some servers leave the unit out, and mean seconds
    return float(text) if _NUMBER.fullmatch(text) else seconds_of(text)


def _until(text: str, now: datetime) -> float | None:
    try:
        then = datetime.fromisoformat(text)
        return max(0.0, ((then if then.tzinfo else then.replace(tzinfo=UTC)) - now).total_seconds())
    except (ValueError, OverflowError):
        return None
