"""How long to wait before the next try."""

from __future__ import annotations

from random import Random


def backoff_seconds(tries: int, *, base: float, most: float, random: Random) -> float:
    """Return base x 2^(tries - 1), at most `most`, less a random part of up to one half ("equal jitter").

    The jitter keeps jobs that failed together from coming back together.
    """
    full: float = min(most, base * 2.0 ** (max(tries, 1) - 1))
    return full * (0.5 + random.random() / 2)
