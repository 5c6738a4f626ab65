"""How long work in the background may take: OpenAI's completion_window, of any length."""

from __future__ import annotations

from pointsman.router.vocabulary.durations import seconds_of

SHORTEST_SECONDS, LONGEST_SECONDS = 60.0, 30 * 86_400.0


def window_seconds(text: str) -> float:
    """Return the seconds of a completion_window such as 30m, 6h or 24h; raises ValueError."""
    seconds = seconds_of(text)
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise ValueError("a completion_window is 1m to 30d")
    return seconds
