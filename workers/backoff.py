"""How long to wait before the next try."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from pointsman.router.vocabulary.errors import ErrorKind

FACTORS: Mapping[ErrorKind, float] = {
    ErrorKind.BAD_RESPONSE: 0.5,  # the model answers: a fresh answer may be whole
    ErrorKind.OVERLOADED: 2.0,  # each try adds to what it complains of
    ErrorKind.RATE_LIMITED: 2.0,
}
"""The first wait of each kind, as a multiple of `backoff_base_seconds`; 1 for what is not here."""


class Backoff:
    """Exponential waits: the base, then twice as long each time, at most `most_seconds`."""

    def __init__(self, *, base_seconds: float, most_seconds: float, random: Random) -> None:
        self._base, self._most, self._random = base_seconds, most_seconds, random

    def whole(self, kind: ErrorKind, tries: int) -> float:
        """Return the whole wait after so many tries, in seconds, for what holds up everybody alike."""
        first = self._base * FACTORS.get(kind, 1.0)
        return min(self._most, float(first * 2.0 ** min(max(tries, 1) - 1, 60)))

    def jittered(self, kind: ErrorKind, tries: int) -> float:
        """Return a random part of the whole wait, so that jobs that failed together do not come back together.

        "Full jitter": M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015.
        """
        return self._random.random() * self.whole(kind, tries)
