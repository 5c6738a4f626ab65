"""Reads durations as Go writes them, which several vendors do: `12ms`, `1s`, `6m0s`, `1h2m3.5s`."""

from __future__ import annotations

import re
from collections.abc import Mapping

_UNITS: Mapping[str, float] = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?)(h|ms|m|s|us|µs|ns)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_MOST_CHARS = 100


def seconds_of(text: str) -> float | None:
    """Return the duration in seconds, None where the text is none."""
    if len(text) > _MOST_CHARS or not _WHOLE.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
