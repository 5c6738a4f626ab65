"""Turns what Python counts in into what the scripts count in."""

from __future__ import annotations


def milliseconds(seconds: float) -> int:
    """Return whole milliseconds."""
    return int(seconds * 1000)


def moment(now: int | None) -> str | int:
    """Return a script's `now`: given by tests and simulations, else empty for Redis's own clock."""
    return "" if now is None else now
