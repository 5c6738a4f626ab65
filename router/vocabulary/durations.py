"""Reads durations as people write them: 90s, 30m, 1h, 7d."""

from __future__ import annotations

import re

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
WRITTEN = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def seconds_of(text: str) -> float:
    """Return the duration in seconds; parts may follow each other, as in 1h30m. Raises ValueError."""
    parts = WRITTEN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"expected a duration such as 90s, 30m, 1h or 7d, not {text!r}")
    return sum(float(number) * SECONDS[unit] for number, unit in parts)
